"""Sources, their keys and their endpoints over HTTP. What is secret is shown once."""

from datetime import datetime, timedelta
from typing import Annotated, Self

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field, StringConstraints

from tuan.kernel.db import transaction
from tuan.kernel.web import Body, Id
from tuan.market import connect, store_source
from tuan.market.connect import NewKey, NewSecret
from tuan.market.console_guard import Connector, Here, Looker, deed_of
from tuan.market.console_shapes import CONSOLE, AnyReason, Moment, Name, ReasonBody
from tuan.market.delivery import Format
from tuan.market.published import ADDRESS
from tuan.market.store_source import SHORT_ID_BYTES, Endpoint, Key, Source

KeyId = Annotated[str, Path(pattern=rf"^[0-9a-f]{{{2 * SHORT_ID_BYTES}}}$")]
Url = Annotated[str, StringConstraints(max_length=2048, pattern=rf"^(https?://[!-~]+|{ADDRESS})$")]


class SourceView(BaseModel):
    id: str
    name: str
    created_at: datetime

    @classmethod
    def of(cls, source: Source) -> Self:
        return cls(id=source.id, name=source.name, created_at=source.created_at)


class SourceList(BaseModel):
    items: list[SourceView]


class KeyView(BaseModel):
    id: str
    source: str
    created_at: datetime
    revoked_at: datetime | None

    @classmethod
    def of(cls, key: Key) -> Self:
        return cls(id=key.id, source=key.source, created_at=key.created_at, revoked_at=key.revoked_at)


class KeyList(BaseModel):
    items: list[KeyView]


class NewKeyView(BaseModel):
    """`secret` is the key itself: it is shown this once."""

    key: KeyView
    secret: str

    @classmethod
    def of(cls, issued: NewKey) -> Self:
        return cls(key=KeyView.of(issued.key), secret=issued.secret)


class EndpointView(BaseModel):
    id: str
    source: str
    url: str
    format: Format
    created_at: datetime
    disabled_at: datetime | None
    previous_secret_until: datetime | None

    @classmethod
    def of(cls, endpoint: Endpoint) -> Self:
        return cls(
            id=endpoint.id,
            source=endpoint.source,
            url=endpoint.url,
            format=endpoint.format,
            created_at=endpoint.created_at,
            disabled_at=endpoint.disabled_at,
            previous_secret_until=endpoint.previous_secret_until,
        )


class EndpointList(BaseModel):
    items: list[EndpointView]


class NewSecretView(BaseModel):
    """`secret` signs the webhooks: it is shown this once."""

    endpoint: EndpointView
    secret: str

    @classmethod
    def of(cls, made: NewSecret) -> Self:
        return cls(endpoint=EndpointView.of(made.endpoint), secret=made.secret)


class SourceBody(Body):
    id: Id
    name: Name
    reason: AnyReason = ""


class KeyBody(Body):
    reason: AnyReason = ""


class RotateKeyBody(Body):
    revoke_at: Moment | None = None
    reason: AnyReason = ""


class EndpointBody(Body):
    source: Id
    url: Url
    format: Format = Format.STANDARD
    reason: AnyReason = ""


class RotateSecretBody(Body):
    previous_minutes: Annotated[int, Field(strict=True, ge=0, le=7 * 24 * 60)] = 24 * 60
    reason: AnyReason = ""


router = APIRouter(prefix=CONSOLE)


@router.get("/sources")
async def list_sources(doors: Here, _: Looker) -> SourceList:
    async with transaction(doors.pool) as connection:
        found = await store_source.sources(connection)
    return SourceList(items=[SourceView.of(source) for source in found])


@router.post("/sources", status_code=201)
async def create_source(body: SourceBody, doors: Here, operator: Connector) -> SourceView:
    deed = deed_of(operator, doors, reason=body.reason)
    return SourceView.of(await connect.create_source(doors.pool, id=body.id, name=body.name, deed=deed))


@router.get("/sources/{source}/keys")
async def list_keys(source: Id, doors: Here, _: Looker) -> KeyList:
    return KeyList(items=[KeyView.of(key) for key in await connect.keys(doors.pool, source)])


@router.post("/sources/{source}/keys", status_code=201)
async def issue_key(source: Id, body: KeyBody, doors: Here, operator: Connector) -> NewKeyView:
    deed = deed_of(operator, doors, reason=body.reason)
    return NewKeyView.of(await connect.issue_key(doors.pool, source, deed=deed))


@router.put("/sources/{source}/keys/{key_id}/revocation")
async def revoke_key(
    source: Id, key_id: KeyId, body: ReasonBody, doors: Here, operator: Connector
) -> KeyView:
    deed = deed_of(operator, doors, reason=body.reason)
    return KeyView.of(await connect.revoke_key(doors.pool, source=source, key_id=key_id, deed=deed))


@router.post("/sources/{source}/keys/{key_id}/rotation", status_code=201)
async def rotate_key(
    source: Id, key_id: KeyId, body: RotateKeyBody, doors: Here, operator: Connector
) -> NewKeyView:
    """A new key. The old one is good until `revoke_at`; without it, it is good no more."""
    deed = deed_of(operator, doors, reason=body.reason)
    issued = await connect.rotate_key(
        doors.pool, source=source, key_id=key_id, revoke_at=body.revoke_at, deed=deed
    )
    return NewKeyView.of(issued)


@router.get("/endpoints")
async def list_endpoints(doors: Here, _: Looker, source: Id | None = None) -> EndpointList:
    async with transaction(doors.pool) as connection:
        found = await store_source.endpoints(connection, source=source)
    return EndpointList(items=[EndpointView.of(endpoint) for endpoint in found])


@router.post("/endpoints", status_code=201)
async def create_endpoint(body: EndpointBody, doors: Here, operator: Connector) -> NewSecretView:
    made = await connect.create_endpoint(
        doors.pool,
        source=body.source,
        url=body.url,
        format=body.format,
        egress=doors.egress,
        publishes=doors.publishes,
        deed=deed_of(operator, doors, reason=body.reason),
    )
    return NewSecretView.of(made)


@router.put("/endpoints/{endpoint_id}/disabled")
async def disable_endpoint(
    endpoint_id: Id, body: ReasonBody, doors: Here, operator: Connector
) -> EndpointView:
    """Nothing more is sent there, not even what is on its way."""
    deed = deed_of(operator, doors, reason=body.reason)
    return EndpointView.of(await connect.disable_endpoint(doors.pool, endpoint_id, deed=deed))


@router.post("/endpoints/{endpoint_id}/secret", status_code=201)
async def rotate_secret(
    endpoint_id: Id, body: RotateSecretBody, doors: Here, operator: Connector
) -> NewSecretView:
    """For `previous_minutes` webhooks carry a signature by each of the two secrets."""
    made = await connect.rotate_secret(
        doors.pool,
        endpoint_id,
        previous_lasts=timedelta(minutes=body.previous_minutes),
        deed=deed_of(operator, doors, reason=body.reason),
    )
    return NewSecretView.of(made)

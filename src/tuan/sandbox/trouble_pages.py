"""Trouble to order: made, seen and removed, by a person at the page or by a program."""

import asyncio
from dataclasses import asdict, dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from starlette.responses import JSONResponse, RedirectResponse, Response

from tuan.kernel.clock import Clock
from tuan.kernel.db import Pool, transaction
from tuan.kernel.web import Id
from tuan.sandbox.forms import comes_from_page, read_body
from tuan.sandbox.pages import Pages
from tuan.sandbox.trouble import EFFECTS, Door, Kind, Trouble, new_trouble
from tuan.sandbox.trouble_store import TroubleStore

LISTED_MAX: Final = 1_000
TIMES_MAX: Final = 10_000
MEASURE_MAX: Final = 10_000_000

Named = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Method = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_./-]{1,64}$")]


class TroubleBody(BaseModel):
    """Without `about` it befalls whoever comes; without `times` it lasts until it is removed."""

    model_config = ConfigDict(extra="forbid")

    door: Door
    kind: Kind
    about: Named | None = None
    method: Method | None = None
    measure: int | None = Field(default=None, ge=1, le=MEASURE_MAX)
    times: int | None = Field(default=None, ge=1, le=TIMES_MAX)

    @model_validator(mode="before")
    @classmethod
    def of_a_form(cls, fields: object) -> object:
        """Where both are chosen at once: door/kind."""
        if not isinstance(fields, dict) or "what" not in fields:
            return fields
        door, _, kind = str(fields["what"]).partition("/")
        return {name: value for name, value in fields.items() if name != "what"} | {
            "door": door,
            "kind": kind,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class TroublePages:
    pool: Pool
    pages: Pages
    clock: Clock
    woken: asyncio.Event  # Set when there may be a notify to send.

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/admin/troubles", default_response_class=Response)
        router.add_api_route("", self.list, methods=["GET"])
        router.add_api_route("", self.make, methods=["POST"])
        router.add_api_route("", self.remove_all, methods=["DELETE"])
        router.add_api_route("/{trouble_id}", self.remove, methods=["DELETE"])
        # A form knows no DELETE.
        router.add_api_route("/removal", self.remove_all, methods=["POST"])
        router.add_api_route("/{trouble_id}/removal", self.remove, methods=["POST"])
        return router

    async def list(self) -> Response:
        """Those there are, and those there can be."""
        async with transaction(self.pool) as connection:
            troubles = await TroubleStore(connection).all(LISTED_MAX)
        known = [
            {"door": door, "kind": kind, **asdict(effect)}
            for door, kinds in EFFECTS.items()
            for kind, effect in kinds.items()
        ]
        return JSONResponse({"items": [_view(trouble) for trouble in troubles], "known": known})

    async def make(self, request: Request) -> Response:
        """Raises NoSuchTrouble."""
        asked = await read_body(request, TroubleBody)
        trouble = new_trouble(**asked.model_dump(), now=self.clock())
        async with transaction(self.pool) as connection:
            await TroubleStore(connection).add(trouble)
        return self._back() if comes_from_page(request) else JSONResponse(_view(trouble), 201)

    async def remove(self, request: Request, trouble_id: Id) -> Response:
        async with transaction(self.pool) as connection:
            await TroubleStore(connection).remove(trouble_id)
        return self._gone(request)

    async def remove_all(self, request: Request) -> Response:
        async with transaction(self.pool) as connection:
            await TroubleStore(connection).remove_all()
        return self._gone(request)

    def _gone(self, request: Request) -> Response:
        """What it kept back is due."""
        self.woken.set()
        return self._back() if request.method == "POST" else Response(status_code=204)

    def _back(self) -> Response:
        return RedirectResponse(self.pages.link("/#troubles"), status_code=303)


def _view(trouble: Trouble) -> dict[str, object]:
    return asdict(trouble) | {"made_at": trouble.made_at.isoformat(), "name": trouble.effect.name}

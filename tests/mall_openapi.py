"""Every operation of buyers that the mall documents: what is shown for all is shown for the next one, too."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from mall_builders import API, TEA

DOCUMENT = json.loads((Path(__file__).parents[1] / "docs/api/mall.json").read_text())
GOOD_BODIES: dict[str, dict[str, Any]] = {
    "SessionBody": {"ticket_id": "L123"},
    "OrderBody": {"product_id": TEA, "kind": "group", "campaign_id": "summer"},
    "CancellationBody": {},
    "RefundBody": {"reason": "不想要了"},
}
GOOD_FORM = {"gateway": "wechatpay"}


@dataclass(frozen=True)
class Operation:
    method: str
    path: str  # As documented, with {names} in it.
    body: dict[str, Any] | None  # A good one, if it takes any.
    form: dict[str, str] | None  # Alike.

    @property
    def changes(self) -> bool:
        return self.method != "GET"

    @property
    def names(self) -> set[str]:
        return {part[1:-1] for part in self.path.split("/") if part.startswith("{")}

    async def ask(self, browser: httpx.AsyncClient, ids: dict[str, str], **sending: Any) -> httpx.Response:
        """With a good body, unless `sending` says otherwise."""
        headers = {"idempotency-key": "press-01"} | sending.pop("headers", {})
        if not sending and self.body is not None:
            sending = {"json": self.body}
        elif not sending and self.form is not None:
            sending = {"data": self.form}
        url = API + self.path.format(**ids)
        return await browser.request(self.method, url, headers=headers, **sending)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def _operations() -> Iterator[Operation]:
    for path, methods in DOCUMENT["paths"].items():
        if path.startswith("/v1/console/"):  # Operators sign in elsewhere, and have rights.
            continue
        for method, documented in methods.items():
            content = documented.get("requestBody", {}).get("content", {})
            shape = content.get("application/json", {}).get("schema", {}).get("$ref", "").rsplit("/", 1)[-1]
            form = GOOD_FORM if "application/x-www-form-urlencoded" in content else None
            yield Operation(method.upper(), path, GOOD_BODIES[shape] if shape else None, form)


OPERATIONS = list(_operations())
CHANGES = [operation for operation in OPERATIONS if operation.changes]
WITH_BODY = [operation for operation in OPERATIONS if operation.body is not None]

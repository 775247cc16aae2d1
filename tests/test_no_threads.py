"""No request waits for a thread: FastAPI would run a plain function, however short, in a pool of them."""

import gc
import inspect
from collections.abc import Callable, Iterator
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from tuan.keyring import make
from tuan.openapi import ANYWHERE, NO_DATABASES
from tuan.up import build_parts


def test_what_serves_a_request_is_a_coroutine() -> None:
    parts = build_parts(ANYWHERE, NO_DATABASES, make())
    gc.unfreeze()  # A server that ran here has set aside what was loaded.
    called = {
        f"{route.methods} {route.path}": list(called_by(route.dependant))
        for route in gc.get_objects()
        if isinstance(route, APIRoute) and route.endpoint.__module__.startswith("tuan.")
    }

    plain = {
        route: calls
        for route, every in called.items()
        if not route.endswith("/events")  # A LongRoute: FastAPI only documents it.
        and (calls := [call.__name__ for call in every if not is_coroutine(call)])
    }
    assert parts
    assert len(called) > 100
    assert plain == {}


def called_by(dependant: Dependant) -> Iterator[Callable[..., Any]]:
    if dependant.call:
        yield dependant.call
    for one in dependant.dependencies:
        yield from called_by(one)


def is_coroutine(call: Callable[..., Any]) -> bool:
    functions = (call, type(call).__call__)  # It may be an instance.
    return any(inspect.iscoroutinefunction(one) or inspect.isasyncgenfunction(one) for one in functions)

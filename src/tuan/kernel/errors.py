"""A refusal is a rule saying no. Rules raise it; the HTTP edge renders it, once for all routes."""

from collections.abc import Callable, Iterable
from typing import ClassVar, TypeVar

Request = TypeVar("Request")
Answer = TypeVar("Answer")


class Refusal(Exception):
    """The request was understood, and refused."""

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 409
    retry_after_seconds: ClassVar[int | None] = None

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__)


class InvalidRequest(Refusal):
    """The request is not of the shape this route takes."""

    code = "invalid_request"
    status = 422


class NotFound(Refusal):
    """There is no such thing."""

    code = "not_found"
    status = 404


class Unauthorized(Refusal):
    """This needs a valid API key."""

    code = "unauthorized"
    status = 401


class Forbidden(Refusal):
    """This request came from another site."""

    code = "forbidden"
    status = 403


class TooLarge(Refusal):
    """The body is larger than this route takes."""

    code = "body_too_large"
    status = 413


class Overloaded(Refusal):
    """More requests are waiting than can be served in time; ask again shortly."""

    code = "overloaded"
    status = 503
    retry_after_seconds = 1


class Unreachable(Refusal):
    """Something we depend on does not answer; ask again shortly."""

    code = "unreachable"
    status = 503
    retry_after_seconds = 2


def each(requests: Iterable[Request], decide: Callable[[Request], Answer]) -> list[Answer | Refusal]:
    """Decide in turn. A refusal answers its own request, and leaves the others as they were."""
    outcomes: list[Answer | Refusal] = []
    for request in requests:
        try:
            outcomes.append(decide(request))
        except Refusal as refusal:
            outcomes.append(refusal.with_traceback(None))  # An answer now, no longer an accident.
    return outcomes

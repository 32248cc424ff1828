"""Routes of the API as data: what a call takes, answers and may be refused with, read from its function.

    @routes.post("/invoices", status=201, needs=Needs.USER, key=True)
    async def issue(call: Call, body: NewInvoice) -> Invoice: ...

The same data gives the aiohttp route, the checks before the function, and the OpenAPI document: none of the
three can say something else than the others.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, get_type_hints

from aiohttp import web
from pydantic import BaseModel, ValidationError

from cabinet.api.problems import FieldError, Problem
from cabinet.office import Office, office_of
from cabinet.sessions import NotSignedIn, origin, signed_in, who
from invoicing import Origin, RequestKey, SignedIn

_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
KEY_HEADER: Final = "Idempotency-Key"
ID: Final = re.compile(r"[0-9]{1,18}")


class Needs(StrEnum):
    """Who may call."""

    NOBODY = "nobody"
    USER = "user"
    OWNER = "owner"


@dataclass(frozen=True, slots=True)
class Call:
    """One request: who asks, whence, and the path's id where the route has one."""

    request: web.Request
    office: Office
    origin: Origin
    id: str = ""
    sub: str = ""

    @property
    def who(self) -> SignedIn:
        """Who asks; only where the route needs somebody."""
        found = who(self.request)
        if found is None:
            raise NotSignedIn
        return found

    @property
    def key(self) -> RequestKey:
        """The caller's Idempotency-Key, in a scope of its merchant's own (domain.md S20)."""
        return RequestKey.api(f"api:merchant:{self.who.merchant_id}", self.request.headers[KEY_HEADER])


Handler = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Route:
    """One call of the API."""

    method: str
    path: str
    call: Handler
    status: int
    needs: Needs
    takes_key: bool
    reasons: Sequence[str]
    body: type[BaseModel] | None
    query: type[BaseModel] | None
    answer: Any

    @property
    def name(self) -> str:
        return str(self.call.__name__)

    @property
    def parameters(self) -> list[str]:
        """The names in the path."""
        return re.findall(r"\{(\w+)\}", self.path)


@dataclass
class Routes:
    """A group of routes; `tag` is its heading in the documentation."""

    tag: str
    listed: list[Route] = field(default_factory=list)

    def add(
        self,
        method: str,
        path: str,
        *,
        status: int = 200,
        needs: Needs = Needs.USER,
        key: bool = False,
        reasons: Sequence[str] = (),
    ) -> Callable[[Handler], Handler]:
        """Declare the function below as the call `method path`.

        Args:
            key: it takes an Idempotency-Key; the same key again gives the first answer.
            reasons: codes of the problems it may answer besides the usual ones.
        """

        def declare(call: Handler) -> Handler:
            hints = get_type_hints(call)
            taken = inspect.signature(call).parameters
            self.listed.append(
                Route(
                    method,
                    path,
                    call,
                    status,
                    needs,
                    key,
                    tuple(reasons),
                    hints["body"] if "body" in taken else None,
                    hints["query"] if "query" in taken else None,
                    hints["return"],
                )
            )
            return call

        return declare

    def get(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        return self.add("GET", path, **options)

    def post(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        return self.add("POST", path, **options)

    def delete(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        return self.add("DELETE", path, **options)

    def patch(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        return self.add("PATCH", path, **options)


def served(route: Route) -> web.RouteDef:
    """The aiohttp route: checks in order of cost, then the function, then its answer as JSON."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if route.needs is not Needs.NOBODY:
            signed_in(request, owner=route.needs is Needs.OWNER)
        parts = [request.match_info[name] for name in route.parameters]
        if not all(ID.fullmatch(part) for part in parts):
            raise Problem("not_found")
        given: dict[str, Any] = {}
        if route.query is not None:
            given["query"] = _query(route.query, request)
        elif request.query:
            raise Problem("malformed", errors=[FieldError(name, "unknown") for name in request.query])
        if route.takes_key and not _KEY.fullmatch(request.headers.get(KEY_HEADER, "")):
            raise Problem("key_needed")
        if route.body is not None:
            given["body"] = await _body(route.body, request)
        call = Call(request, office_of(request), origin(request), *parts)
        answer = await route.call(call, **given)
        if answer is None:
            return web.Response(status=route.status)
        return web.Response(
            body=answer.model_dump_json().encode(), status=route.status, content_type="application/json"
        )

    return web.route(route.method, route.path, handle)


async def _body(model: type[BaseModel], request: web.Request) -> BaseModel:
    if request.content_type != "application/json":
        raise Problem("media_type")
    try:
        return model.model_validate_json(await request.read())
    except ValidationError as error:
        raise _malformed(error) from None


def _query(model: type[BaseModel], request: web.Request) -> BaseModel:
    twice = {name for name in request.query if len(request.query.getall(name)) > 1}
    if twice:
        raise Problem("malformed", errors=[FieldError(name, "given twice") for name in sorted(twice)])
    try:
        return model.model_validate(dict(request.query))
    except ValidationError as error:
        raise _malformed(error) from None


def _malformed(error: ValidationError) -> Problem:
    """What is wrong, field by field; never the value itself, which may be a password."""
    found = error.errors(include_input=False, include_url=False, include_context=False)
    return Problem(
        "malformed",
        errors=[FieldError(".".join(str(part) for part in one["loc"]), one["msg"]) for one in found[:20]],
    )

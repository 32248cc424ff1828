"""The OpenAPI 3.1 document, made from the routes that are served."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from openapi_pydantic import (
    Components,
    Header,
    Info,
    MediaType,
    OpenAPI,
    Operation,
    Parameter,
    PathItem,
    Reference,
    RequestBody,
    Response,
    Schema,
    SecurityScheme,
    Tag,
)
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from cabinet.api.problems import MEDIA_TYPE, Problem, status_of
from cabinet.api.registry import KEY_HEADER, Needs, Route, Routes

_REF: Final = "#/components/schemas/{model}"
_ABOUT: Final = """The JSON API of CLICK Terminal, for merchants' apps and systems.

Sign in by phone and password (`POST /signin`) or with a token that the owner made (`POST /tokens`), and send
`Authorization: Bearer …`. What issues, cancels or refunds takes an `Idempotency-Key`: repeat the same call
under the same key until it is answered, and it is done once. Sums are tiyin, moments UTC. Errors are
problem documents (RFC 9457) in the language of `Accept-Language`; `GET /problems` lists them."""
_PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "mend", "code", "instance"],
    "properties": {
        "type": {"type": "string", "description": "Stable, and where the code is described"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "mend": {"type": "string", "description": "What to do about it"},
        "code": {"type": "string"},
        "instance": {"type": "string", "description": "This request's number, as in our log"},
        "values": {"type": "object"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}


def document(groups: Iterable[Routes]) -> dict[str, Any]:
    """The whole document as JSON values."""
    groups = list(groups)
    routes = [route for group in groups for route in group.listed]
    paths: dict[str, PathItem] = {}
    for group in groups:
        for route in group.listed:
            item = paths.setdefault(route.path, PathItem())
            setattr(item, route.method.lower(), _operation(route, group.tag))
    made = OpenAPI(
        openapi="3.1.1",
        info=Info(title="CLICK Terminal", version="1", description=_ABOUT),
        servers=[],
        tags=[Tag(name=group.tag) for group in groups],
        paths=paths,
        components=Components(
            schemas={"Problem": Schema.model_validate(_PROBLEM)},
            securitySchemes={"token": SecurityScheme(type="http", scheme="bearer")},
        ),
    )
    shown = made.model_dump(mode="json", by_alias=True, exclude_none=True)
    shown["servers"] = [{"url": "/api/v1"}]
    shown["components"]["schemas"] |= _schemas(routes)
    for path in shown["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", ()):
                # The library writes these out though they belong to parameters of a query only.
                parameter.pop("allowEmptyValue", None)
                parameter.pop("allowReserved", None)
    return shown


def _models(routes: Iterable[Route]) -> Iterator[tuple[type[BaseModel], Any]]:
    for route in routes:
        if route.body is not None:
            yield route.body, "validation"
        if _is_model(route.answer):
            yield route.answer, "serialization"


def _schemas(routes: list[Route]) -> dict[str, Any]:
    _, made = models_json_schema(list(dict.fromkeys(_models(routes))), ref_template=_REF)
    definitions: dict[str, Any] = made.get("$defs", {})
    return definitions


def _is_model(answer: Any) -> bool:
    return isinstance(answer, type) and issubclass(answer, BaseModel)


def _operation(route: Route, tag: str) -> Operation:
    summary, _, rest = (route.call.__doc__ or "").partition("\n")
    return Operation(
        operationId=route.name,
        tags=[tag],
        summary=summary.strip().rstrip("."),
        description=" ".join(rest.split()) or None,
        parameters=list(_parameters(route)) or None,
        requestBody=None
        if route.body is None
        else RequestBody(required=True, content={"application/json": _media(route.body.__name__)}),
        responses=_responses(route),
        security=[] if route.needs is Needs.NOBODY else [{"token": []}],
    )


def _parameters(route: Route) -> Iterator[Parameter]:
    for name in route.parameters:
        schema = Schema.model_validate({"type": "string", "pattern": "^[0-9]{1,18}$"})
        yield Parameter.model_validate({"name": name, "in": "path", "required": True, "schema": schema})
    if route.takes_key:
        schema = Schema.model_validate({"type": "string", "pattern": "^[!-~]{1,255}$"})
        yield Parameter.model_validate(
            {
                "name": KEY_HEADER,
                "in": "header",
                "required": True,
                "schema": schema,
                "description": "Made by the caller, one for each action; kept for 30 days",
            }
        )
    if route.query is not None:
        made = route.query.model_json_schema()
        for name, schema_of in made["properties"].items():
            yield Parameter.model_validate(
                {
                    "name": name,
                    "in": "query",
                    "required": name in made.get("required", ()),
                    "schema": Schema.model_validate(_without_null(schema_of)),
                    "description": schema_of.get("description"),
                }
            )


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter that may be missing is no parameter that may be null."""
    options = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    only = options[0] if len(options) == 1 else schema
    return {key: value for key, value in only.items() if key != "default" or value is not None}


def _responses(route: Route) -> dict[str, Response | Reference]:
    answered = Response(description="Done")
    if _is_model(route.answer):
        answered.content = {"application/json": _media(route.answer.__name__)}
    found: dict[str, Response | Reference] = {str(route.status): answered}
    by_status: dict[int, list[str]] = {}
    for reason in (*route.reasons, *_usual(route)):
        by_status.setdefault(status_of(reason), []).append(reason)
    for status in sorted(by_status):
        reasons = by_status[status]
        response = Response(
            description="; ".join(
                f"`{reason}`: {Problem(reason, _Open()).said('en').what}" for reason in reasons
            ),
            content={MEDIA_TYPE: _media("Problem")},
        )
        if status in (429, 503):
            response.headers = {"Retry-After": Header.model_validate({"schema": {"type": "integer"}})}
        found[str(status)] = response
    return found


class _Open(dict[str, Any]):
    """Leaves the texts' placeholders as they are."""

    def __missing__(self, key: str) -> str:
        return f"{{{key}}}"


def _usual(route: Route) -> Iterator[str]:
    """What any call of this kind may be refused with."""
    if route.body is not None or route.query is not None or route.takes_key:
        yield "malformed"
    if route.takes_key:
        yield "key_needed"
    if route.needs is not Needs.NOBODY:
        yield "not_signed_in"
        yield "forged"
    if route.needs is Needs.OWNER and "not_allowed" not in route.reasons:
        yield "not_allowed"
    if route.parameters and "not_found" not in route.reasons:
        yield "not_found"
    if route.body is not None:
        yield from ("too_large", "media_type")
    yield from ("too_often", "busy")


def _media(name: str) -> MediaType:
    return MediaType.model_validate({"schema": {"$ref": _REF.format(model=name)}})

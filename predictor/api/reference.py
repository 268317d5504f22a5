"""The page of the API: operations, fields and calls to copy, made from the OpenAPI document."""

from __future__ import annotations

import hashlib
import json
import pprint
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.decorators import method_decorator
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext
from django.views import View
from drf_spectacular.generators import SchemaGenerator

from ..http.known_names import fault_of, unknown_names

METHODS = ("get", "post", "put", "patch", "delete")
TOKEN = "YOUR_TOKEN"  # noqa: S105 (a placeholder)
PROBLEM = "application/problem+json"
REF = "#/components/schemas/"
MAX_DEPTH = 5
# Searches with so few results show them opened.
MAX_OPEN = 3
MAX_TEXT = 100
IN_PATHS = {
    "workspace": "default", "model": "churn", "number": 1, "id": 1, "alias": "champion",
}  # fmt: skip
ORDER = ("datasets", "training runs", "models", "predictions", "batches", "workspaces", "health")
FILES = {"json": "application/json", "yaml": "application/yaml"}


@dataclass(frozen=True)
class Field:
    """A parameter, or a member of an object. `schema`: the name of its schema, which the page links."""

    name: str
    kind: str
    description: str = ""
    is_required: bool = False
    place: str = ""
    schema: str = ""


@dataclass(frozen=True)
class Content:
    """A body or an answer of one media type."""

    media_type: str
    fields: list[Field]
    schema: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Answer:
    status: str
    words: str
    contents: list[Content] = field(default_factory=list)


@dataclass(frozen=True)
class Operation:
    key: str
    method: str
    path: str
    title: str
    description: str
    parameters: list[Field]
    bodies: list[Content]
    answers: list[Answer]
    refusals: list[tuple[str, str]]
    example: Any
    media_type: str
    is_open: bool = False
    needs_token: bool = True

    @property
    def example_text(self) -> str:
        return json.dumps(self.example, indent=2, ensure_ascii=False) if self.example is not None else ""

    def curl(self, server: str) -> str:
        lines = [f"curl -X {self.method.upper()} {shlex.quote(server + self._filled_path)}"]
        if self.needs_token:
            lines.append(f'-H "Authorization: Bearer {TOKEN}"')
        if self.media_type == "multipart/form-data":
            lines.append("-F file=@table.csv")
        elif self.media_type == "application/json":
            lines += [
                '-H "Content-Type: application/json"',
                f"-d {shlex.quote(json.dumps(self.example, ensure_ascii=False))}",
            ]
        elif self.media_type:
            lines += [f'-H "Content-Type: {self.media_type}"', "--data-binary @table.csv"]
        return " \\\n  ".join(lines)

    def python(self, server: str) -> str:
        arguments = [repr(server + self._filled_path)]
        if self.needs_token:
            arguments.append(f'headers={{"Authorization": "Bearer {TOKEN}"}}')
        if self.media_type == "multipart/form-data":
            arguments.append('files={"file": open("table.csv", "rb")}')
        elif self.media_type == "application/json":
            body = pprint.pformat(self.example, sort_dicts=False, width=90)
            arguments.append("json=" + body.replace("\n", "\n         "))
        elif self.media_type:
            arguments.append('data=open("table.csv", "rb")')
        call = f"requests.{self.method}(\n    " + ",\n    ".join(arguments) + ",\n)"
        return f"import requests\n\nanswer = {call}\nanswer.raise_for_status()\nprint(answer.text)"

    @property
    def _filled_path(self) -> str:
        return re.sub(r"\{(\w+)\}", lambda match: str(IN_PATHS.get(match[1], match[1].upper())), self.path)

    def has(self, text: str) -> bool:
        """Whether all words of a search are in what names it."""
        names = [each.name for each in (*self.parameters, *(f for body in self.bodies for f in body.fields))]
        everything = " ".join([self.method, self.path, self.title, self.description, *names]).lower()
        return all(word in everything for word in text.lower().split())


@dataclass(frozen=True)
class Part:
    """The operations of one tag."""

    title: str
    operations: list[Operation]

    @property
    def key(self) -> str:
        return self.title.replace(" ", "-")


class Reference:
    """The document as the page shows it."""

    def __init__(self, document: Mapping[str, Any]):
        self.document = document
        self._schemas: Mapping[str, Any] = document.get("components", {}).get("schemas", {})

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(json.dumps(self.document, sort_keys=True).encode()).hexdigest()[:16]

    def text(self, kind: str) -> str:
        """The document as "json" or "yaml"."""
        written = json.dumps(self.document, indent=2, ensure_ascii=False)
        if kind == "json":
            return written
        import yaml

        return str(yaml.safe_dump(json.loads(written), sort_keys=False, allow_unicode=True))

    @cached_property
    def parts(self) -> list[Part]:
        found: dict[str, list[Operation]] = {}
        for path, item in self.document["paths"].items():
            for method in METHODS:
                if method in item:
                    tag = (item[method].get("tags") or ["other"])[0]
                    found.setdefault(tag, []).append(self._operation(path, method, item[method]))
        known = {name: place for place, name in enumerate(ORDER)}
        return [Part(tag, found[tag]) for tag in sorted(found, key=lambda tag: (known.get(tag, 99), tag))]

    @cached_property
    def schemas(self) -> list[tuple[str, str, list[Field]]]:
        """Name, description and fields of each schema that something points at."""
        return [
            (name, schema.get("description", ""), self._fields(schema))
            for name, schema in sorted(self._schemas.items())
        ]

    def matching(self, text: str) -> list[Part]:
        found = [
            Part(part.title, [each for each in part.operations if each.has(text)]) for part in self.parts
        ]
        return [part for part in found if part.operations]

    def _operation(self, path: str, method: str, stored: Mapping[str, Any]) -> Operation:
        description = stored.get("description", "")
        title = (
            stored.get("summary") or first_sentence(description) or stored["operationId"].replace("_", " ")
        )
        body = stored.get("requestBody", {}).get("content", {})
        answers, refusals = [], []
        for status, answer in sorted(stored.get("responses", {}).items()):
            if PROBLEM in answer.get("content", {}) and len(answer["content"]) == 1:
                refusals.append((status, answer.get("description", "")))
                continue
            contents = [self._content(kind, media) for kind, media in answer.get("content", {}).items()]
            answers.append(Answer(status, answer.get("description", ""), contents))
        media_type = next((kind for kind in ("application/json", "multipart/form-data") if kind in body), "")
        media_type = media_type or next(iter(body), "")
        example = None
        if media_type == "application/json":
            media = body[media_type]
            given = media.get("example") or next(
                (each["value"] for each in media.get("examples", {}).values() if "value" in each), None
            )
            example = given if given is not None else self._example(media.get("schema", {}))
        return Operation(
            key=stored["operationId"].removeprefix("api_v1_").replace("_", "-"),
            method=method,
            path=path,
            title=title.rstrip(".:;"),
            description=description if description.rstrip(".") != title.rstrip(".:;") else "",
            parameters=[self._parameter(each) for each in stored.get("parameters", ())],
            bodies=[self._content(kind, media) for kind, media in body.items()],
            answers=answers,
            refusals=refusals,
            example=example,
            media_type=media_type,
            needs_token=any(stored.get("security", [])),
        )

    def _parameter(self, stored: Mapping[str, Any]) -> Field:
        schema = stored.get("schema", {})
        return Field(
            stored["name"],
            self._kind(schema),
            stored.get("description", "") or schema.get("description", ""),
            bool(stored.get("required")),
            stored.get("in", ""),
        )

    def _content(self, media_type: str, media: Mapping[str, Any]) -> Content:
        schema = media.get("schema", {})
        named = ref_name(schema) or ref_name(schema.get("items", {}))
        fields = [] if named else self._fields(schema)
        return Content(media_type, fields or self._fields(self._resolved(schema)), named, self._kind(schema))

    def _fields(self, schema: Mapping[str, Any]) -> list[Field]:
        required = set(schema.get("required", ()))
        return [
            Field(
                name,
                self._kind(each),
                each.get("description", ""),
                name in required,
                schema=ref_name(each) or ref_name(each.get("items", {})) or first_ref(each),
            )
            for name, each in schema.get("properties", {}).items()
        ]

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        name = ref_name(schema)
        return self._schemas.get(name, {}) if name else schema

    def _kind(self, schema: Mapping[str, Any], depth: int = 0) -> str:
        """Type and limits in words: "integer, 1 to 100", "text of at most 120 characters"."""
        name = ref_name(schema)
        if name:
            return name
        for key, word in (("oneOf", " or "), ("anyOf", " or "), ("allOf", " and ")):
            if key in schema and depth < MAX_DEPTH:
                return word.join(dict.fromkeys(self._kind(each, depth + 1) for each in schema[key]))
        kinds = schema.get("type", "any")
        kinds = [kinds] if isinstance(kinds, str) else list(kinds)
        words = " or ".join(str(each) for each in kinds)
        if "array" in kinds and depth < MAX_DEPTH:
            words = words.replace("array", f"list of {self._kind(schema.get('items', {}), depth + 1)}")
        if schema.get("format"):
            words += f" ({schema['format']})"
        limits = limits_of(schema)
        if "enum" in schema:
            limits.append(
                "one of " + ", ".join(str(each) for each in schema["enum"][:20] if each not in ("", None))
            )
        if "default" in schema:
            limits.append(f"usually {json.dumps(schema['default'], ensure_ascii=False)}")
        return ", ".join([words, *limits])

    def _example(self, schema: Mapping[str, Any], depth: int = 0) -> Any:
        """A small value of a schema: what is required, and what has an example."""
        schema = self._resolved(schema)
        if "example" in schema or "default" in schema:
            return schema.get("example", schema.get("default"))
        if schema.get("examples"):
            return schema["examples"][0]
        if depth > MAX_DEPTH:
            return None
        for key in ("oneOf", "anyOf", "allOf"):
            if schema.get(key):
                return self._example(schema[key][0], depth + 1)
        if "enum" in schema:
            return schema["enum"][0]
        kind = schema.get("type", "object" if "properties" in schema else "string")
        kind = kind if isinstance(kind, str) else next(each for each in kind if each != "null")
        if kind == "object":
            required = set(schema.get("required", ()))
            return {
                name: self._example(each, depth + 1)
                for name, each in schema.get("properties", {}).items()
                if not each.get("readOnly") and (name in required or "example" in each)
            }
        if kind == "array":
            return [self._example(schema.get("items", {}), depth + 1)]
        return {"integer": schema.get("minimum", 1), "number": schema.get("minimum", 1), "boolean": True}.get(
            kind, "text"
        )


def limits_of(schema: Mapping[str, Any]) -> list[str]:
    found = []
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        found.append(f"{low} to {high}")
    elif low is not None:
        found.append(f"at least {low}")
    elif high is not None:
        found.append(f"at most {high}")
    if schema.get("maxLength"):
        found.append(f"at most {schema['maxLength']} characters")
    if schema.get("readOnly"):
        found.append("only read")
    return found


def ref_name(schema: Any) -> str:
    ref = schema.get("$ref", "") if isinstance(schema, Mapping) else ""
    return ref.removeprefix(REF) if ref.startswith(REF) else ""


def first_ref(schema: Any) -> str:
    """The first schema that is named anywhere in it."""
    return next(_refs(schema), "")


def _refs(schema: Any) -> Iterator[str]:
    if isinstance(schema, Mapping):
        if name := ref_name(schema):
            yield name
        for each in schema.values():
            yield from _refs(each)
    elif isinstance(schema, list):
        for each in schema:
            yield from _refs(each)


def first_sentence(text: str) -> str:
    """The first sentence, at most 100 characters of it."""
    first = re.split(r"(?<=[.:;])\s", " ".join(text.split()), maxsplit=1)[0]
    return first if len(first) <= MAX_TEXT else f"{first[: MAX_TEXT - 1].rsplit(' ', 1)[0]}…"


@cache
def reference() -> Reference:
    """Of the code that runs: it is made once in each process."""
    return Reference(SchemaGenerator().get_schema(request=None, public=True))


@lru_cache(maxsize=16)
def _body(digest: str, server: str, language: str | None) -> SafeString:
    """Everything below the search. Half a second of rendering, so it is kept for each address and language."""
    found = reference()
    page = render_to_string(
        "predictor/api/_reference.html",
        {"parts": found.parts, "schemas": found.schemas, "server": server, "is_open": False},
    )
    # The indentation between tags is a third of it.
    return SafeString(re.sub(r">\n\s*<", ">\n<", page))


@method_decorator(login_required, name="dispatch")
class DocsView(View):
    """The page; `?q=` searches the operations, `?format=` gives the document as a file."""

    query_names = ("q", "format")

    def get(self, request: HttpRequest) -> HttpResponse:
        found = reference()
        kind = request.GET.get("format", "")
        if kind in FILES:
            response = HttpResponse(found.text(kind), content_type=FILES[kind])
            response["Content-Disposition"] = f'attachment; filename="openapi.{kind}"'
            return response
        for name in unknown_names(set(request.GET), self.query_names):
            words = {"fault": fault_of(name, self.query_names)}
            messages.warning(request, gettext("In the address %(fault)s It was ignored.") % words)
        wanted = request.GET.get("q", "").replace("\0", "").strip()[:MAX_TEXT]
        server = request.build_absolute_uri("/").rstrip("/")
        context: dict[str, Any] = {"wanted": wanted, "parts": found.parts, "info": found.document["info"]}
        if wanted:
            context["parts"] = found.matching(wanted)
            context["n_found"] = sum(len(part.operations) for part in context["parts"])
            context |= {"server": server, "is_open": context["n_found"] <= MAX_OPEN}
        else:
            context["body"] = _body(found.digest, server, get_language())
        return render(request, "predictor/api/docs.html", context)

"""All messages of mlweb: what templates and Python mark, and the sentences from below as patterns."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from pathlib import Path

from django.utils.translation.template import templatize

from . import names, po
from .sentences import patterns_of

ROOT = Path(__file__).resolve().parent.parent.parent
# msgctxt of the patterns.
PATTERN, LIST = "pattern", "list"
# Titles of problem documents.
STATUSES = (
    400,
    401,
    403,
    404,
    405,
    406,
    409,
    411,
    412,
    413,
    414,
    415,
    422,
    426,
    429,
    431,
    500,
    501,
    502,
    503,
    504,
)
# What marks a text, and the places of context, text and plural among its arguments.
MARKS = {
    "_": (None, 0, None), "gettext": (None, 0, None), "gettext_lazy": (None, 0, None), "gettext_noop": (None, 0, None),
    "ngettext": (None, 0, 1), "ngettext_lazy": (None, 0, 1), "pgettext": (0, 1, None), "pgettext_lazy": (0, 1, None),
    "npgettext": (0, 1, 2), "npgettext_lazy": (0, 1, 2),
}  # fmt: skip
MARKED = ("predictor", "mlweb")
FROM_BELOW = (
    "predictor/errors.py", "predictor/ml", "predictor/services", "predictor/http", "predictor/api", "predictor/serve",
    "predictor/models", "predictor/management", "mlweb/early_refusals.py", "mlweb/middleware.py",
    "mlweb/slow_bodies.py",
)  # fmt: skip
COUNTED = re.compile(r'\|counted:"([^",]+)(?:,([^"]+))?"')
NOUN = re.compile(r'\|noun:"([^",]+),([^"]+)"')
IN_TEMPLATE = re.compile(
    r"(?<!\w)(n?p?gettext|_)(\((?:u?'(?:\\.|[^'\\])*'|u?\"(?:\\.|[^\"\\])*\"|\s|,|\w+)*\))"
)


def messages() -> list[po.Message]:
    """Marked texts by place and text, then the patterns; each once."""
    marked, patterns = _Collected(), _Collected()
    for path in _files(ROOT / "templates", ("html", "txt")):
        for context, text, plural in marked_in_template(path.read_text("utf-8"), str(path)):
            marked.add(path, context, text, plural)
    for top in MARKED:
        for path in _python(top):
            for context, text, plural in marked_in_python(path.read_text("utf-8")):
                marked.add(path, context, text, plural)
    for top in FROM_BELOW:
        for path in _python(top):
            for pattern in patterns_of(path):
                patterns.add(path, PATTERN, pattern, "")
    for path, name in names.names("predictor"):
        marked.add(path, names.CONTEXT, name, "")
    for status in STATUSES:
        patterns.add(ROOT / "predictor/http/problems.py", PATTERN, HTTPStatus(status).phrase, "")
    signs = [
        po.Message(", ", "", LIST, notes=("between the items of a list",)),
        po.Message(".", "", LIST, notes=("the end of a sentence",)),
    ]
    return [*marked.messages(), *signs, *patterns.messages()]


class _Collected:
    def __init__(self) -> None:
        self._places: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._plurals: dict[tuple[str, str], str] = {}

    def add(self, path: Path, context: str, text: str, plural: str) -> None:
        place, key = path.relative_to(ROOT).as_posix(), (context, text)
        if place not in self._places[key]:
            self._places[key].append(place)
        if plural:
            self._plurals[key] = plural

    def messages(self) -> Iterator[po.Message]:
        """By first place, then by text: neighbours stay neighbours, and a new text moves no other."""
        for key, places in sorted(self._places.items(), key=lambda item: (item[1][0], item[0])):
            context, text = key
            notes = ("pattern",) if context == PATTERN else ()
            yield po.Message(text, self._plurals.get(key, ""), context, tuple(places), notes)


def _python(top: str) -> Iterable[Path]:
    path = ROOT / top
    return [path] if path.is_file() else _files(path, ("py",))


def _files(folder: Path, endings: Iterable[str]) -> list[Path]:
    found = [path for ending in endings for path in folder.rglob(f"*.{ending}")]
    return sorted(
        path for path in found if not {"tests", "migrations", "portable", "i18n"}.intersection(path.parts)
    )


def marked_in_python(source: str) -> Iterator[tuple[str, str, str]]:
    """Context, text and plural of each call that marks a text."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            yield from _marked(called, node.args)
            if called == "counted" and len(node.args) == 2:
                yield from _counted_nouns(f'|counted:"{_text(node.args[1])}"')


def marked_in_template(source: str, origin: str) -> Iterator[tuple[str, str, str]]:
    yield from _counted_nouns(source)
    for found in IN_TEMPLATE.finditer(templatize(source, origin=origin)):
        call = ast.parse(found.group(0).replace("\n", "\\n"), mode="eval").body
        if isinstance(call, ast.Call):
            yield from _marked(found.group(1), call.args)


def _counted_nouns(source: str) -> Iterator[tuple[str, str, str]]:
    """What the filters `counted` and `noun` say of a number: "row", or "class,classes"."""
    for one, many in NOUN.findall(source):
        yield "", one, many
    for one, many in COUNTED.findall(source):
        yield "", f"%(n)s {one}", f"%(n)s {many or one + 's'}"


def _marked(called: str, arguments: list[ast.expr]) -> Iterator[tuple[str, str, str]]:
    if called not in MARKS:
        return
    texts = [_text(argument) for argument in arguments]
    context, text, plural = (
        (texts[at] if at < len(texts) else "") if at is not None else "" for at in MARKS[called]
    )
    if text:
        yield context, text, plural


def _text(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""

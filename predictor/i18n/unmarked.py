"""Finds texts for people that are not marked for translation: in templates, and in the Python of pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from django.template.base import Lexer, TokenType

from .extraction import ROOT
from .sentences import patterns_of

# Attributes that people read or hear.
READ_ALOUD = frozenset(
    {
        "title",
        "aria-label",
        "aria-description",
        "placeholder",
        "alt",
        "label",
        "data-label",
        "data-confirm",
        "summary",
    }
)
CODE = frozenset({"script", "style", "code", "pre", "kbd", "samp", "svg"})
VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}
)
# Names, units and signs that are the same in every language.
SAME_EVERYWHERE = re.compile(
    r"\b(mlweb|API|REST|CSV|JSON|ONNX|Parquet|UTC|UTF-8|TOTP|QR|ROC|AUC|F1|RMSE|MAE|R²|SHA-256|ISO|ID|URL|PDF|PNG|SVG"
    r"|RFC|kB|MB|GB|ms|min|mlw_|Python|curl|scikit-learn|Ctrl|Esc|Enter|README|MLWEB_\w+|Markdown|JavaScript|pip|KServe"
    r"|MLflow|OpenAPI|Swagger|nbsp|hellip|middot|times|rarr|larr|ndash|mdash|lt|gt|amp|quot|POST|GET|zip|https?)\b"
)
# Names of months in the code, values of cookies, units, HTML; and `counted(n, "row")`.
NO_SENTENCE = re.compile(
    r"Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|Lax|Strict|.*<(span|td|a|b|i)\b.*|\{first\} ago"
    r"|\{whole\} (h|min) \{whole_2\} (min|s)|\{\w+\} [\w, ]+\{s\}|\{\w+\} ms|ROC AUC|Open Inference Protocol|KServe V1"
    # Classes of CSS, and how stored warnings of old versions begin.
    r"|(plot|slot|is|form)-.*|plot plot-.*|\{look\} is-dashed|possible leak"
)
# Calls of the API in other languages of programming.
CODE_FOR_CALLERS = ("snippets.py",)
LETTERS = re.compile(r"[^\W\d_]{2,}")
STRING = re.compile(r"""(?P<before>[\w|]+[=:])(?P<quote>["'])(?P<text>[^"']*)(?P=quote)""")
TAGS_WITH_TEXTS = frozenset({"include", "chart", "with", "firstof", "metric_value"})
FILTERS_WITH_TEXTS = ("default:", "default_if_none:", "yesno:", "add:", "pluralize:")
NOT_FOR_PEOPLE = (
    "id=",
    "kind=",
    "name=",
    "href=",
    "class=",
    "size=",
    "noun=",
    "nouns=",
    "also=",
    "icon=",
    "data=",
    "url=",
    "type=",
)


def in_template(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of each fault of a template."""
    html, faults = _without_tags(path.read_text("utf-8"))
    reader = _Reader()
    reader.feed(html)
    reader.close()
    yield from sorted([*faults, *reader.faults])


def in_python(path: Path) -> Iterator[str]:
    """The sentences that no call marks; what `counted` makes is marked by it."""
    yield from (each for each in dict.fromkeys(patterns_of(path)) if not NO_SENTENCE.fullmatch(each))


def templates() -> list[Path]:
    return sorted(path for ending in ("html", "txt") for path in (ROOT / "templates").rglob(f"*.{ending}"))


def pages() -> list[Path]:
    """The modules whose texts are marked, not translated at the border."""
    return sorted(
        path
        for folder in ("web", "admin", "templatetags")
        for path in (ROOT / "predictor" / folder).rglob("*.py")
        if path.name not in CODE_FOR_CALLERS
    )


def _without_tags(source: str) -> tuple[str, list[tuple[int, str]]]:
    """The template's own text, on the same lines, and the faults inside its tags."""
    html, faults, until = "", [], ""
    for token in Lexer(source).tokenize():
        line = html.count("\n") + 1
        if token.token_type == TokenType.TEXT:
            html += _blank(token.contents) if until else token.contents
            continue
        html += _blank(token.contents)
        words = token.contents.split()
        name = words[0] if words else ""
        if token.token_type == TokenType.BLOCK:
            if words[:2] == ["block", "body_class"]:
                until = "endblock"
            elif name in ("blocktranslate", "blocktrans", "comment"):
                until = f"end{name}"
            elif until and name == until:
                until = ""
        if token.token_type == TokenType.VAR or name in TAGS_WITH_TEXTS:
            faults += [
                (line, text) for text in _texts_in_tag(token.contents, token.token_type == TokenType.VAR)
            ]
    return html, faults


def _texts_in_tag(contents: str, is_variable: bool) -> Iterator[str]:
    for found in STRING.finditer(contents):
        before, text = found["before"], found["text"]
        if is_variable or "|" in before:
            is_read = before.rpartition("|")[2].endswith(FILTERS_WITH_TEXTS)
        else:
            is_read = not before.endswith(NOT_FOR_PEOPLE) and (" " in text or text[:1].isupper())
        if is_read and not text.startswith("?") and _is_text(text):
            yield text


def _blank(text: str) -> str:
    return "\n" * text.count("\n")


def _is_text(text: str) -> bool:
    return bool(LETTERS.search(SAME_EVERYWHERE.sub("", text)))


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[tuple[int, str]] = []
        self._hidden: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            is_button = (
                name == "value" and tag == "input" and dict(attributes).get("type") in ("submit", "button")
            )
            is_name = dict(attributes).get("translate") == "no"
            if (name in READ_ALOUD or is_button) and value and _is_text(value) and not is_name:
                self.faults.append((self.getpos()[0], value.strip()))
        is_inside = bool(self._hidden) and tag == self._hidden[-1]
        is_code = tag in CODE or dict(attributes).get("translate") == "no"
        if (is_inside or is_code) and tag not in VOID:
            self._hidden.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._hidden and tag == self._hidden[-1]:
            self._hidden.pop()

    def handle_data(self, data: str) -> None:
        if self._hidden:
            return
        for number, line in enumerate(data.split("\n")):
            if _is_text(line):
                self.faults.append((self.getpos()[0] + number, line.strip()))

"""The files of the languages: current, whole, and with the same placeholders as English."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings

from predictor.i18n import extraction, languages, po
from predictor.i18n.sentences import names_of
from predictor.i18n.translation import ENDING
from predictor.management.commands.translations import current

FILES = languages.po_files()
# Messages of a language that may lack a translation still. The number only shrinks.
MOST_UNTRANSLATED = {"zh_Hans": 4_000}
NAMED = re.compile(r"%\((\w+)\)[a-z]")
each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.parent.name)


@pytest.fixture(scope="module")
def found() -> list[po.Message]:
    return extraction.messages()


@each_file
def test_the_files_are_current(path: Path, found: list[po.Message]) -> None:
    """Else: `make translations`."""
    text, compiled, _ = current(path, found)

    assert path.read_text("utf-8") == text
    assert path.with_suffix(".mo").read_bytes() == compiled


@each_file
def test_every_message_is_translated(path: Path) -> None:
    missing = [message.id for message in po.read(path) if message.id and not message.is_translated]

    assert missing == []


def placeholders(text: str, is_pattern: bool) -> set[str]:
    if is_pattern:
        return {name for name in names_of(text) if not re.fullmatch(rf"{ENDING}(_\d+)?", name)}
    return set(NAMED.findall(text))


@each_file
def test_translations_have_the_placeholders_of_the_original(path: Path) -> None:
    """The ending of an English plural, {s}, may be left out; no other name, and none may be added."""
    wrong = [
        (message.id, text)
        for message in po.read(path)
        if message.id and message.is_translated
        for text in message.texts
        if placeholders(text, message.context == extraction.PATTERN)
        != placeholders(message.id, message.context == extraction.PATTERN)
        and placeholders(text, message.context == extraction.PATTERN)
        != placeholders(message.plural or message.id, message.context == extraction.PATTERN)
    ]

    assert wrong == []


@each_file
def test_translations_keep_the_tags_of_the_original(path: Path) -> None:
    tag = re.compile(r"</?[a-z]+")
    wrong = [
        message.id
        for message in po.read(path)
        if message.id and message.is_translated and message.context != extraction.PATTERN
        if sorted(tag.findall(message.id)) != sorted(tag.findall(message.texts[0]))
    ]

    assert wrong == []


def test_a_language_is_one_file() -> None:
    assert [code for code, _ in settings.LANGUAGES] == ["en", *(languages.code_of(path) for path in FILES)]
    assert dict(settings.LANGUAGES)["zh-hans"] == "简体中文"


def test_texts_are_found_in_templates_and_python() -> None:
    template = (
        '{% translate "One" %}{% blocktranslate count n=n %}{{ n }} row{% plural %}{{ n }} rows{% endblocktranslate %}'
        '{{ x|default:_("none") }}{{ k|counted:"class,classes" }}'
    )
    python = '_("Two")\nngettext("%(n)s cell", "%(n)s cells", n)\npgettext("month", "May")\n'

    assert sorted(extraction.marked_in_template(template, "a.html")) == [
        ("", "%(n)s class", "%(n)s classes"),
        ("", "%(n)s row", "%(n)s rows"),
        ("", "One", ""),
        ("", "none", ""),
    ]
    assert sorted(extraction.marked_in_python(python)) == [
        ("", "%(n)s cell", "%(n)s cells"),
        ("", "Two", ""),
        ("month", "May", ""),
    ]

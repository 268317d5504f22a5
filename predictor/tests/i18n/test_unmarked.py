"""Texts for people are marked, in every template and every module of pages; and what the finder takes for one."""

from __future__ import annotations

from pathlib import Path

import pytest

from predictor.i18n import unmarked
from predictor.i18n.extraction import ROOT

# Files that have unmarked texts still. The list only shrinks: a file that is clean leaves it.
NOT_YET = frozenset(Path(__file__).with_name("not_yet.txt").read_text("utf-8").split())


def faults_of(path: Path) -> list[str]:
    if path.suffix == ".py":
        return [f"{path.relative_to(ROOT)}: {text}" for text in unmarked.in_python(path)]
    return [f"{path.relative_to(ROOT)}:{line}: {text}" for line, text in unmarked.in_template(path)]


def test_every_text_is_marked() -> None:
    """{% translate "…" %} or {% blocktranslate %} in templates, `gettext` and its like in Python."""
    paths = [*unmarked.templates(), *unmarked.pages()]
    faults = [faults_of(path) for path in paths if path.relative_to(ROOT).as_posix() not in NOT_YET]

    assert [each for one in faults for each in one] == []


def test_the_list_of_files_that_are_not_yet_marked_only_shrinks() -> None:
    assert [name for name in NOT_YET if not (ROOT / name).exists() or not faults_of(ROOT / name)] == []


@pytest.mark.parametrize(
    ("source", "faults"),
    [
        ("<p>Choose a file.</p>", [(1, "Choose a file.")]),
        ("<p>\n  Choose <b>one</b>\n</p>", [(2, "Choose"), (2, "one")]),
        ('<p title="Choose">\n<i aria-label="{{ x }} rows"></i></p>', [(1, "Choose"), (2, " rows")]),
        ('<input placeholder="Name"><input type="submit" value="Save">', [(1, "Name"), (1, "Save")]),
        ("<option>Any</option>", [(1, "Any")]),
        ('{% include "a.html" with label="Datasets" %}', [(1, "Datasets")]),
        ('{{ x|default:"none" }}', [(1, "none")]),
        ("{% if a %}\nrows{% endif %}", [(2, "rows")]),
    ],
)
def test_an_unmarked_text_is_found(source: str, faults: list[tuple[int, str]], tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_text(source, "utf-8")

    found = list(unmarked.in_template(path))

    assert [(line, text.strip()) for line, text in found] == [(line, text.strip()) for line, text in faults]


@pytest.mark.parametrize(
    "source",
    [
        '<p>{% translate "Choose a file." %}</p>',
        "<p>{% blocktranslate trimmed with n=n|number %}Choose <b>{{ n }}</b> files.{% endblocktranslate %}</p>",
        '<p title="{% translate "Choose" %}">3 × {{ n }} · JSON</p>',
        "<code>pip install</code><script>let a = 'text here';</script>",
        '{{ x|default:_("none") }} {{ n|counted:"row" }}',
        '{% include "a.html" with label=_("Datasets") noun="dataset" %}',
        '<input type="hidden" value="Save"><a class="btn primary" href="/some/path">→</a>',
        '<input placeholder="challenger" translate="no"><i translate="no">champion</i>',
        '{% with a=page|add:"?day=" %}{% include "a.html" with nouns="dataset column" %}{% endwith %}',
        "{# A remark. #}{% comment %}Another one.{% endcomment %}",
        "{% block body_class %}account-entrance{% endblock %}",
    ],
)
def test_what_is_marked_or_no_text_is_none(source: str, tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_text(source, "utf-8")

    assert list(unmarked.in_template(path)) == []


def test_an_unmarked_sentence_in_python_is_found(tmp_path: Path) -> None:
    path = tmp_path / "page.py"
    path.write_text(
        'a = _("Marked text.")\nb = "A text for people."\nc = counted(n, "row")\nd = f"plot-line {slot}"\n',
        "utf-8",
    )

    assert list(unmarked.in_python(path)) == ["A text for people."]

from __future__ import annotations

import re
from html import unescape

import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt  # it comes with rich, which schemathesis needs

from predictor.models import ModelVersion, RegisteredModel, User, Workspace
from predictor.services import registry
from predictor.services.registry import card_markdown, model_cards
from predictor.services.registry.model_cards import Card, CardPart, CardTable
from predictor.tests.web.served_versions import EVIL_CATEGORY, EVIL_NUMBER, EVIL_TEXT, publish_served

# The marks of CommonMark and of GitHub's tables stand often beside each other.
TEXTS = st.text(
    st.one_of(st.sampled_from("\\`*_[]<>|~&$#-+=!:;()\"' \t\n.1a"), st.characters(exclude_categories=["Cs"])),
    max_size=30,
)


@pytest.fixture
def version(workspace: Workspace) -> ModelVersion:
    model = RegisteredModel.objects.create(workspace=workspace, slug="churn", name="Churn | <b>one</b>")
    return publish_served(model)


def test_user_text_is_escaped_in_markdown(version: ModelVersion, member: User) -> None:
    registry.update_model(
        registered_model=version.registered_model,
        description="# no heading\n- no list\n[x](javascript:alert(1))\n1. no list\n<img src=x>",
        by=member,
    )

    text = card_markdown.written(model_cards.card_of(version))

    assert text.startswith("# Churn \\| \\<b\\>one\\</b\\>, version 1\n")
    assert not re.search(r"(?<!\\)<", text)
    assert EVIL_NUMBER not in text
    assert "\\<script\\>alert(1)\\</script\\>" in text
    assert "\\_\\_proto\\_\\_" in text
    assert EVIL_CATEGORY.replace("*", "\\*") in text
    assert EVIL_TEXT not in text
    for line in ("\\# no heading", "\\- no list", "\\[x\\](javascript:alert(1))", "1\\. no list"):
        assert f"\n{line}\n" in text
    for table in re.findall(r"(?:^\|.*\|$\n)+", text, re.M):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(widths) == 1


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a|b\nc", "a\\|b c"),
        ("\u202ertl\x00", "�rtl�"),
        ("2024-01-01", "2024-01-01"),
        ("-1", "\\-1"),
        ("12) x", "12\\) x"),
        ("back\\slash", "back\\\\slash"),
        ("", ""),
    ],
)
def test_marks_are_escaped(text: str, written: str) -> None:
    assert card_markdown.escaped(text) == written


@hypothesis_settings(max_examples=50, deadline=None)
@given(text=TEXTS)
@example(text="~~a~~")
@example(text="**a** <b>_c_</b> &amp; [d](e) `f`")
def test_a_markdown_parser_shows_the_text_as_it_was_written(text: str) -> None:
    plain = "".join(each if each.isprintable() else "�" for each in " ".join(text.split()))
    escaped = card_markdown.escaped(text)
    page = f"{escaped}\n\n- {escaped}\n\n| a | b |\n| --- | --- |\n| {escaped} | x |\n"

    html = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(page)

    shown = "".join(unescape(re.sub(r"</?(p|ul|li|table|thead|tbody|tr|th|td)>\n?", "\0", html)).split("\0"))
    assert shown == f"{plain}{plain}ab{plain}x"


def test_a_card_is_written_part_by_part() -> None:
    table = CardTable(("Feature", "Role"), (("a|b", "numeric"), ("c", "*text*")))
    card = Card(
        "Churn, version 1",
        "For letters.",
        (
            CardPart("Use", sentences=("One.", "  ", "Two.")),
            CardPart("Data", facts=(("Rows", "1,000"), ("Name", "_t_")), points=("# no heading", "plain")),
            CardPart("Features", table=table),
        ),
    )

    assert card_markdown.written(card) == (
        "# Churn, version 1\n\nFor letters.\n\n"
        "## Use\n\nOne.\n\nTwo.\n\n"
        "## Data\n\n- Rows: 1,000\n- Name: \\_t\\_\n\n- \\# no heading\n- plain\n\n"
        "## Features\n\n| Feature | Role |\n| --- | --- |\n| a\\|b | numeric |\n| c | \\*text\\* |\n"
    )

from __future__ import annotations

import pytest
from django.utils import translation as django_translation
from django.utils.safestring import mark_safe
from hypothesis import given
from hypothesis import strategies as st

from predictor.i18n import translation
from predictor.i18n.translation import MAX_CHARACTERS, Catalogue, translated

TEXTS = {
    "The column {name} has {n} value{s}.": "列 {name} 有 {n} 个值。",
    "Row {number}, column {name}: {refused}": "第 {number} 行，列 {name}：{refused}",
    "There is no value.": "没有值。",
    "The column {name} has {what}.": "列 {name} 含有{what}。",
    "true or false": "真或假",
    "And {n} more fault{s}.": "另有 {n} 处错误。",
    "Not tested. {reason}": "未检验。{reason}",
    "Only {n} rows were held out.": "只留出 {n} 行。",
    "{least} to {most} rows of {name}": "{name} 的 {least} 至 {most} 行",
    "{low} to {high}": "{low} 至 {high}",
    "free text": "自由文本",
    'Send {{"rows": []}}.': '发送 {{"rows": []}}。',
    "The file is not UTF-8": "文件不是 UTF-8 编码",
    "Duplicates: {parts}.{kept}": "重复：{parts}。{kept}",
}


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue(TEXTS, "、", "。")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("There is no value.", "没有值。"),
        ("The column “age” has 1 value.", "列 “age” 有 1 个值。"),
        ("The column “age” has 3 values.", "列 “age” 有 3 个值。"),
        # The other pattern with the same beginning.
        ("The column “age” has true or false.", "列 “age” 含有真或假。"),
        # An argument is a sentence itself, and a name in quotes is not.
        ("Row 3, column “age”: There is no value.", "第 3 行，列 “age”：没有值。"),
        ("Row 3, column “true or false”: There is no value.", "第 3 行，列 “true or false”：没有值。"),
        # Sentences that were put together.
        ("There is no value. And 2 more faults.", "没有值。另有 2 处错误。"),
        ("Not tested. Only 3 rows were held out. There is no value.", "未检验。只留出 3 行。没有值。"),
        ("There is no value. Nobody knows this one.", "没有值。Nobody knows this one."),
        ("rows/0/age: There is no value.", "rows/0/age: 没有值。"),
        ("The file is not UTF-8. There is no value.", "文件不是 UTF-8 编码。没有值。"),
        ("true or false, 3 free texts", "真或假、3 自由文本"),
        # The order of the arguments is that of the language.
        ("1 to 9 rows of “a”", "“a” 的 1 至 9 行"),
        ('Send {"rows": []}.', '发送 {"rows": []}。'),
        (" There is no value. ", " 没有值。 "),
        ("“a b c” to 9", "“a b c” 至 9"),
        ("Duplicates: 3.", "重复：3。"),
    ],
)
def test_a_sentence_is_translated_by_its_pattern(catalogue: Catalogue, text: str, expected: str) -> None:
    assert catalogue.remembered(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "Send it to who asks, so that they know it to be the new one",
        "Nobody knows this.",
        "The column has no name",
        "value",
        "{name}",
        "%s %(a)s",
    ],
)
def test_what_fits_no_pattern_stays(catalogue: Catalogue, text: str) -> None:
    assert catalogue.remembered(text) == text


def test_an_argument_that_is_unknown_stays_inside(catalogue: Catalogue) -> None:
    assert catalogue.remembered("The column “a” has holes.") == "列 “a” 含有holes。"


@given(st.text(alphabet="ab“”.,: {}%1T\n", max_size=200))
def test_any_text_gets_an_answer(text: str) -> None:
    Catalogue(TEXTS, "、", "。").remembered(text)


@given(st.sampled_from(sorted(TEXTS)), st.lists(st.text("xyz \n{}", max_size=20), min_size=5, max_size=5))
def test_a_pattern_takes_any_arguments(pattern: str, arguments: list[str]) -> None:
    names = dict.fromkeys(translation.names_of(pattern))
    names = {name: "" if name == "s" else f"“{value}”" for name, value in zip(names, arguments, strict=False)}
    text = pattern.format(**names)

    assert Catalogue({pattern: TEXTS[pattern]}).remembered(text) == TEXTS[pattern].format(**names)


def test_repetition_costs_no_more_than_a_moment(catalogue: Catalogue) -> None:
    """By counting comparisons, not by a clock: each is one pass over the text at most."""
    compared = []
    original = translation.Pattern.arguments_in

    def counted(self: translation.Pattern, text: str) -> dict[str, str] | None:
        compared.append(len(text))
        return original(self, text)

    translation.Pattern.arguments_in = counted  # type: ignore[method-assign]
    try:
        for text in ("The column has values. A" * 160, "Row column rows Only value " * 140, "Row 1. " * 500):
            catalogue.remembered(text[:MAX_CHARACTERS])
    finally:
        translation.Pattern.arguments_in = original  # type: ignore[method-assign]
    assert sum(compared) < 600 * MAX_CHARACTERS


def test_english_and_marked_up_texts_and_other_things_stay_as_they_are() -> None:
    text = "There is no value."
    with django_translation.override("zh-hans"):
        assert translated(mark_safe(text)) == text
        assert translated(None) is None
        assert translated(3) == 3
        assert translated("x" * (MAX_CHARACTERS + 1)) == "x" * (MAX_CHARACTERS + 1)
    assert translated(text) is text


def test_two_parts_of_a_sentence_are_translated_each_by_its_pattern() -> None:
    text = (
        "Duplicates: 14 rows repeat an earlier row in every feature and in the target, and 3 rows repeat an earlier "
        "row's features with another target."
    )
    found = translated(text, "zh-hans")
    assert "14 行" in found
    assert "3 行" in found
    assert "repeat" not in found
    assert "row" not in found


def test_a_text_of_many_parts_is_not_divided_without_end() -> None:
    for text in (", and x" * 550, "14 rows repeat a, and " * 180):
        assert translated(text, "zh-hans") == text

"""Tables as people really write them, on a running server: read as they were meant, or doubted by name."""

from __future__ import annotations

import pytest

from .dirty_tables import DIRTY_TABLES, Replay
from .installation import Installation


@pytest.fixture(scope="module")
def replay(installation: Installation) -> Replay:
    return Replay(installation)


def numbers(rows: list[dict[str, str]]) -> list[float]:
    return [float(each["prediction"]) for each in rows]


TRAINED = [name for name, table in DIRTY_TABLES.items() if table.training and "horizon" not in table.training]


@pytest.mark.parametrize("name", TRAINED)
def test_the_bytes_that_were_imported_get_an_answer_for_each_row(replay: Replay, name: str) -> None:
    text = DIRTY_TABLES[name].text
    answers = replay.predict_csv(name, text)
    assert len(answers) == replay.dataset(name)["n_rows"]
    assert all(each["prediction"] for each in answers)


# --- Marks of numbers ---------------------------------------------------------------------------------------


def test_a_point_groups_thousands_where_another_column_has_decimal_commas(replay: Replay) -> None:
    turnover = replay.column("thousands beside a decimal comma", "turnover")
    assert (turnover["minimum"], turnover["maximum"]) == (1100, 1139)
    assert replay.column("thousands beside a decimal comma", "amount")["maximum"] == 4.5


def test_rows_to_predict_are_read_with_the_marks_of_training(replay: Replay) -> None:
    # y = a / 100 + (b - 0.5)
    answers = replay.predict_csv(
        "a point groups thousands in rows to predict", "a;b\n1230;2,5\n1.230;2,5\n", decimal=","
    )
    assert numbers(answers) == pytest.approx([14.3, 14.3], abs=0.05)


def test_a_word_does_not_change_the_decimal_mark_of_its_column(replay: Replay) -> None:
    name = "a word among decimal commas"
    (answer,) = replay.predict(name, {"p": "1,030", "q": "2,5"})
    assert answer == pytest.approx(3.09, abs=0.1)
    column = replay.column(name, "p")
    assert column["n_missing"] == 5
    assert any("“k.A.”" in each for each in column["warnings"])


def test_numbers_in_brackets_are_negative(replay: Replay) -> None:
    assert replay.column("accounting negatives", "balance")["minimum"] == -76
    assert replay.predict("accounting negatives", {"balance": "(40)"}) == pytest.approx([-80], abs=0.5)


def test_currencies_and_percent_signs_are_taken_off(replay: Replay) -> None:
    rows = replay.predict_csv("prices", 'price\n"$1,000.50"\n1010.5\n')
    assert numbers(rows) == pytest.approx([2001, 2021], abs=0.5)
    assert replay.predict("percent", {"rate": "45%"}, {"rate": 45}) == pytest.approx([135, 135], abs=0.5)


def test_errors_of_a_spreadsheet_are_missing(replay: Replay) -> None:
    assert replay.column("errors of a spreadsheet", "x")["n_missing"] == 8
    known, _ = replay.predict("errors of a spreadsheet", {"x": 31, "k": 3}, {"x": "#DIV/0!", "k": 3})
    assert known == pytest.approx(62, abs=2)


def test_codes_stay_codes(replay: Replay) -> None:
    code = replay.column("codes with the letter e", "code")
    assert {each["value"] for each in code["levels"]} == {"1E05", "2E10", "5E03", "7E01"}


# --- Dates --------------------------------------------------------------------------------------------------


def test_dates_that_can_be_read_in_two_ways_are_doubted(replay: Replay) -> None:
    name = "short dates, day or month first"
    field = next(each for each in replay.version(name)["signature"]["fields"] if each["name"] == "d")
    assert field["minimum"].startswith("2021-")
    assert any("two ways" in each["message"] for each in replay.run(name)["warnings"])


def test_forms_of_dates_are_found(replay: Replay) -> None:
    assert replay.column("dates with NA", "d")["n_missing"] == 7
    assert replay.column("dates, year first", "d")["minimum"].startswith("2024-01-01")
    assert replay.column("dates whose day can be told", "d")["maximum"].startswith("2024-03-27")


@pytest.mark.parametrize("name", ["local midnights", "local midnights without a frequency"])
def test_a_day_is_a_day_of_the_zone_of_the_data(replay: Replay, name: str) -> None:
    answers = {each["row"]["d"][:10]: each["prediction"] for each in replay.ask(name, horizon=3)}
    assert list(answers) == ["2024-05-11", "2024-05-12", "2024-05-13"]
    # Sunday
    assert list(answers.values()) == pytest.approx([100, 110, 100], abs=3)


def test_months_are_dates(replay: Replay) -> None:
    answer = replay.ask("months", horizon=1)[0]
    assert answer["row"]["d"].startswith("1954-01")
    assert answer["prediction"] == pytest.approx(160, abs=8)


def test_a_number_names_the_series_that_its_rows_name(replay: Replay) -> None:
    answer = replay.ask("series with numbers for names", horizon=1, group=3)[0]
    assert answer["prediction"] == pytest.approx(328, abs=6)


# --- Labels and categories ----------------------------------------------------------------------------------


def test_whole_numbers_written_as_floats_are_classes(replay: Replay) -> None:
    name = "classes that pandas wrote as floats"
    assert replay.run(name)["task"] == "multiclass"
    assert list(map(float, replay.predict(name, {"x": 0.2}, {"x": 10.2}, {"x": 20.2}))) == [1, 2, 3]


@pytest.mark.parametrize(
    ("name", "words"),
    [("NA among labels", "“NA”"), ("labels apart by blanks and case", "“Yes”")],
)
def test_a_class_that_may_be_none_is_never_silent(replay: Replay, name: str, words: str) -> None:
    assert any(words in each["message"] for each in replay.run(name)["warnings"])


@pytest.mark.parametrize(
    ("name", "labels"), [("plus and minus", ["-", "+"]), ("true and false in lower case", ["false", "true"])]
)
def test_labels_come_back_as_the_file_writes_them(replay: Replay, name: str, labels: list[str]) -> None:
    assert [each["prediction"] for each in replay.predict_csv(name, "x\n1\n9\n")] == labels


def test_words_of_other_languages_are_truth_values(replay: Replay) -> None:
    yes, no = replay.predict("words for truth", {"customer": "ja", "k": 1}, {"customer": "NEIN ", "k": 1})
    assert no - yes == pytest.approx(10, abs=1)


def test_the_same_bytes_get_the_same_answer_by_two_protocols(replay: Replay) -> None:
    body = "c,k\n Paris,1\n"
    (native,) = numbers(replay.predict_csv("blanks before categories", body))
    assert replay.invoke("blanks before categories", body) == pytest.approx([native])
    assert native == pytest.approx(1, abs=0.5)


# --- Lines and names ----------------------------------------------------------------------------------------


def test_lines_above_the_header_are_no_rows(replay: Replay) -> None:
    dataset = replay.dataset("a title above the header")
    assert [each["name"] for each in dataset["columns"]] == ["a", "y"]
    assert dataset["n_rows"] == 60


def test_a_name_is_known_in_each_form_of_unicode(replay: Replay) -> None:
    name = "a header in two characters"
    by_two, by_one = replay.predict(name, {"Gro\u0308\u00dfe": 5}, {"Gr\u00f6\u00dfe": 5})
    assert by_two == by_one == pytest.approx(15, abs=0.3)


def test_names_that_differ_by_case_are_two_columns(replay: Replay) -> None:
    answers = replay.predict(
        "names that differ by case", {"Radius": 3, "radius": 5}, {"Radius": 5, "radius": 3}
    )
    assert answers == pytest.approx([35, 53], abs=1)

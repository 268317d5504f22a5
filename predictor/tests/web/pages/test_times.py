"""Dates and times: one form on every page, in UTC, with what a script needs to show them in the zone of the reader."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path

import pytest
from django.conf import settings

from predictor.templatetags.mlweb import ago, attempt_words, moment

AT = datetime(2026, 11, 30, 17, 7, 5, tzinfo=timezone(timedelta(hours=1)))


@pytest.mark.parametrize(
    ("precision", "words"),
    [
        ("minute", "30 Nov 2026, 16:07 UTC"),
        ("second", "30 Nov 2026, 16:07:05 UTC"),
        ("day", "30 Nov 2026"),
    ],
)
def test_a_time_is_written_in_utc_and_marked_for_the_script(precision: str, words: str) -> None:
    assert moment(AT, precision) == (
        f'<time datetime="2026-11-30T17:07:05+01:00" data-local="{precision}">{words}</time>'
    )


def test_without_a_time_nothing_is_written() -> None:
    assert moment(None) == ago(None) == ""


class Clock(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:
        return datetime(2026, 12, 4, 20, 7, tzinfo=UTC)


def test_how_long_ago_names_one_unit_and_holds_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.contrib.humanize.templatetags.humanize.datetime", Clock)

    text = ago(AT)

    assert 'title="30 Nov 2026, 16:07 UTC"' in text
    assert ">4\xa0days ago</time>" in text


def test_an_attempt_says_when_it_began_in_the_same_form() -> None:
    began = {"began_at": "2026-01-01T10:00:00+00:00", "outcome": "lost"}

    assert attempt_words(began) == "Began 1 Jan 2026, 10:00:00 UTC, the worker went silent."


def test_no_template_writes_a_date_in_a_form_of_its_own() -> None:
    own = re.compile(r"\|(date|time|naturaltime|naturalday|timesince)\b")
    templates = Path(settings.BASE_DIR, "templates").rglob("*.html")

    assert [str(each) for each in templates if own.search(each.read_text())] == []

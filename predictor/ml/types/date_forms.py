"""Forms of dates in text: regular expressions with named groups, and the moment that their groups stand for.

Groups: y, m or mon (a name) or q (a quarter), d; wk and wd (week of ISO 8601, and its day); n (days since 1899-12-30,
as spreadsheets count); h, min, s, us (digits of a fraction), half (am or pm, also before the hour: pre), z (offset).
The same groups are read by predictor/portable/predict.py and cells.js. Standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache

# Two-digit years: 69 is 1969, 68 is 2068 (POSIX strptime, %y).
PIVOT = 69
MONTHS = (
    "jan january januar jänner jän janvier janv enero ene", "feb february februar feber février fevrier févr fevr fév "
    "fev febrero", "mar march märz mrz maerz mars marzo", "apr april avril avr abril abr", "may mai mayo",
    "jun june juni juin junio", "jul july juli juillet juil julio", "aug august août aout agosto ago",
    "sep sept september septembre septiembre setiembre", "oct october oktober okt octobre octubre",
    "nov november novembre noviembre", "dec december dezember dez décembre decembre déc diciembre dic",
)  # fmt: skip
MONTH_NUMBERS = {name: number for number, names in enumerate(MONTHS, start=1) for name in names.split()}
QUARTERS = {"1": 1, "2": 2, "3": 3, "4": 4, "一": 1, "二": 2, "三": 3, "四": 4}
WEEKDAYS = (
    "monday tuesday wednesday thursday friday saturday sunday mon tues tue wed thurs thur thu fri sat sun "
    "montag dienstag mittwoch donnerstag freitag samstag sonnabend sonntag mo di mi do fr sa so "
    "lundi mardi mercredi jeudi vendredi samedi dimanche lun mar mer jeu ven sam dim "
    "lunes martes miércoles miercoles jueves viernes sábado sabado domingo mié mie jue vie sáb sab dom"
)
# The negative look-ahead spares most dates the comparison with seventy words.
WEEKDAY = rf"(?:(?![0-9])(?:{'|'.join(WEEKDAYS.split())})\.?,?\s+)?"
WEEKDAY_AFTER = r"(?:\s*[(（]?(?:星期|周|礼拜)[一二三四五六日天][)）]?)?"
# No place on earth is further from UTC than 14 hours.
ZONE = r"(?P<z>Z|UTC|GMT|[+-](?:0[0-9]|1[0-3])(?::?[0-5][0-9])?|[+-]14(?::?00)?)"
CLOCK = (
    r"(?P<pre>上午|下午)?\s*(?P<h>[0-9]{1,2}):(?P<min>[0-9]{2})(?::(?P<s>[0-9]{2})(?:[.,](?P<us>[0-9]{1,9}))?)?"
    rf"(?:\s*(?P<half>[ap]\.?\s?m\.?))?(?:\s?Uhr)?\s*{ZONE}?"
)
TIME = rf"(?:(?:,?[T ]+|,){CLOCK})?"
TIME_ZH = rf"(?:[T ]*{CLOCK})?"
YEAR, DAY, MONTH = r"(?P<y>[0-9]{4})", r"(?P<d>[0-9]{1,2})", r"(?P<m>[0-9]{1,2})"
ANY_YEAR, SHORT_YEAR = r"(?P<y>[0-9]{4}|[0-9]{2})", r"(?P<y>[0-9]{2})"
# After a year of two digits: 10.4.1 is a number of a version.
DAY_2, MONTH_2 = r"(?P<d>[0-9]{2})", r"(?P<m>[0-9]{2})"
NAME, ORDINAL = r"(?P<mon>[^\W\d_]{3,}\.?)", "(?:st|nd|rd|th|er|º)"
# By name. Forms that one text can have at the same time (day or month first) are all tried.
DATE_FORMS: Mapping[str, str] = {
    "Y-M-D": rf"{WEEKDAY}{YEAR}-{MONTH}-{DAY}{TIME}",
    "Y/M/D": rf"{WEEKDAY}{YEAR}/{MONTH}/{DAY}{TIME}",
    "Y.M.D": rf"{WEEKDAY}{YEAR}\.{MONTH}\.{DAY}\.?{TIME}",
    "Y年M月D日": rf"{YEAR}年{MONTH}月{DAY}[日号]{WEEKDAY_AFTER}{TIME_ZH}",
    "Y年M月": rf"{YEAR}年{MONTH}月",
    "Y-M": rf"{YEAR}-{MONTH}",
    "Y/M": rf"{YEAR}/{MONTH}",
    "M/Y": rf"{MONTH}/{YEAR}",
    "D.M.Y": rf"{WEEKDAY}{DAY}\.\s?{MONTH}\.\s?{ANY_YEAR}{TIME}",
    "D/M/Y": rf"{WEEKDAY}{DAY}/{MONTH}/{ANY_YEAR}{TIME}",
    "M/D/Y": rf"{WEEKDAY}{MONTH}/{DAY}/{ANY_YEAR}{TIME}",
    "D-M-Y": rf"{WEEKDAY}{DAY}-{MONTH}-{ANY_YEAR}{TIME}",
    "M-D-Y": rf"{WEEKDAY}{MONTH}-{DAY}-{ANY_YEAR}{TIME}",
    "D Mon Y": rf"{WEEKDAY}{DAY}(?:\.|{ORDINAL})?[ /-]?(?:de )?{NAME},?[ /-]?(?:de )?{ANY_YEAR}{TIME}",
    "Mon D Y": rf"{WEEKDAY}{NAME}[ /-]{DAY}{ORDINAL}?(?:, ?|[ /-]){YEAR}{TIME}",
    "Y Mon D": rf"{YEAR}[ /-]{NAME}[ /-]{DAY}{TIME}",
    "Mon Y": rf"{NAME}(?: de)?[ /-]{YEAR}",
    "Mon yy": rf"{NAME}[ '’-]{SHORT_YEAR}",
    "Y-Qn": rf"{YEAR}[ -]?Q(?P<q>[1-4])",
    "Qn Y": rf"Q(?P<q>[1-4])[ /-]{YEAR}",
    "Y年n季度": rf"{YEAR}年第?(?P<q>[1-4一二三四])季度?",
    "Y-Wn": rf"{YEAR}-?W(?P<wk>[0-9]{{2}})",
    "Y-Wn-d": rf"{YEAR}-W(?P<wk>[0-9]{{2}})-(?P<wd>[1-7])",
    "yy-M-D": rf"{SHORT_YEAR}-{MONTH_2}-{DAY_2}{TIME}",
    "yy/M/D": rf"{SHORT_YEAR}/{MONTH_2}/{DAY_2}{TIME}",
    "yy.M.D": rf"{SHORT_YEAR}\.{MONTH_2}\.{DAY_2}\.?{TIME}",
    "YYYYMMDD": r"(?P<y>19[0-9]{2}|20[0-9]{2}|2100)(?P<m>[0-9]{2})(?P<d>[0-9]{2})",
    "YYYYMM": r"(?P<y>19[0-9]{2}|20[0-9]{2}|2100)(?P<m>[0-9]{2})",
    "YYYY": r"(?P<y>1[5-9][0-9]{2}|2[01][0-9]{2})",
    "days since 1899-12-30": r"(?P<n>[1-7][0-9]{4}(?:\.[0-9]{1,12})?)",
}
# 31 January 2024, or the month, quarter, week or year of it, in each form.
EXAMPLES: Mapping[str, str] = {
    "Y-M-D": "2024-01-31", "Y/M/D": "2024/01/31", "Y.M.D": "2024.01.31", "Y年M月D日": "2024年1月31日",
    "Y年M月": "2024年1月", "Y-M": "2024-01", "Y/M": "2024/01", "M/Y": "01/2024", "D.M.Y": "31.01.2024",
    "D/M/Y": "31/01/2024", "M/D/Y": "01/31/2024", "D-M-Y": "31-01-2024", "M-D-Y": "01-31-2024",
    "D Mon Y": "31 Jan 2024", "Mon D Y": "Jan 31, 2024", "Y Mon D": "2024 Jan 31", "Mon Y": "Jan 2024",
    "Mon yy": "Jan 24", "Y-Qn": "2024-Q1", "Qn Y": "Q1 2024", "Y年n季度": "2024年1季度", "Y-Wn": "2024-W05",
    "Y-Wn-d": "2024-W05-3", "yy-M-D": "24-01-31", "yy/M/D": "24/01/31", "yy.M.D": "24.01.31",
    "YYYYMMDD": "20240131", "YYYYMM": "202401", "YYYY": "2024", "days since 1899-12-30": "45322",
}  # fmt: skip
# Numbers as well as dates: tried only where a person, or for YYYYMMDD the name of the column, says that they are dates.
NUMBER_FORMS = ("YYYYMMDD", "YYYYMM", "YYYY", "days since 1899-12-30")
# The least and the largest whole number of each of them that is no day of a spreadsheet.
WRITTEN_DATES = ((1_500, 2_199), (190_001, 210_012), (19_000_101, 21_001_231))
# Forms of which one text can have two, each pair with other values.
MONTH_FIRST = {"D/M/Y": "M/D/Y", "D-M-Y": "M-D-Y"}
YEAR_FIRST = {"yy-M-D": "D-M-Y", "yy/M/D": "D/M/Y", "yy.M.D": "D.M.Y"}
SHORT = re.compile(r"([0-9]{2})[-/.]([0-9]{1,2})[-/.]([0-9]{2})", re.ASCII)
MAX_MISSES = 1_000
DATE_NAME = re.compile(
    r"(?:^|[^a-z])(?:dates?|datum|fecha|days?|jour|timestamp|dt)(?:[^a-z]|$)|datum$|日期|日付"
    r"|(?:order|start|end|birth|due|ship|sale|sales|invoice|booking)date$|(?-i:[a-z]Date(?:[^a-z]|$))",
    re.IGNORECASE,
)
SPREADSHEET_EPOCH = datetime(1899, 12, 30)
DAY_MS = 86_400_000


def is_date_name(name: str) -> bool:
    """Whether the name of a column says that it holds dates."""
    return DATE_NAME.search(name) is not None


@lru_cache(maxsize=64)
def date_shape(name: str) -> re.Pattern[str]:
    return re.compile(DATE_FORMS[name], re.IGNORECASE)


def parse_date(text: str, name: str) -> datetime | None:
    """A date of this form: naive, or aware where the text has an offset; None when it is none."""
    match = date_shape(name).fullmatch(text)
    if match is None:
        return None
    parts = match.groupdict()
    try:
        if parts.get("n"):
            return SPREADSHEET_EPOCH + timedelta(milliseconds=int(float(parts["n"]) * DAY_MS + 0.5))
        year, month, day = _day(parts)
        if not parts.get("h"):
            return datetime(year, month, day)
        minute, second = int(parts["min"]), int(parts["s"] or 0)
        micro = int(parts["us"].ljust(6, "0")[:6]) if parts["us"] else 0
        return datetime(year, month, day, _hour(parts), minute, second, micro, _zone(parts["z"]))
    except (ValueError, OverflowError):
        return None


def _day(parts: Mapping[str, str | None]) -> tuple[int, int, int]:
    text = parts["y"] or ""
    year = int(text)
    if len(text) == 2:
        year += 1900 if year >= PIVOT else 2000
    if week := parts.get("wk"):
        day = date.fromisocalendar(year, int(week), int(parts.get("wd") or 1))
        return day.year, day.month, day.day
    if quarter := parts.get("q"):
        return year, 3 * QUARTERS[quarter] - 2, 1
    if name := parts.get("mon"):
        return year, MONTH_NUMBERS.get(name.lower().rstrip("."), 0), int(parts.get("d") or 1)
    return year, int(parts.get("m") or 1), int(parts.get("d") or 1)


def _hour(parts: Mapping[str, str | None]) -> int:
    hour, half = int(parts["h"] or 0), parts["half"] or parts["pre"]
    if not half:
        return hour
    if not 1 <= hour <= 12:
        raise ValueError(hour)
    return hour % 12 + (12 if half[0] in "pP下" else 0)


@lru_cache(maxsize=256)
def _zone(text: str | None) -> timezone | None:
    if text is None:
        return None
    if text[0] not in "+-":
        return timezone.utc  # noqa: UP017
    digits = text[1:].replace(":", "").ljust(4, "0")
    span = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-span if text[0] == "-" else span)


def possible_orders(
    texts: Collection[str], *, numbers: Collection[str] = (), max_misses: int = MAX_MISSES
) -> list[tuple[str, ...]]:
    """Names of forms that these texts have, once for each order of day, month and year that they may be in.

    The first is the likeliest. `numbers`: those of NUMBER_FORMS that are looked for. After more than `max_misses` texts
    without a form, no other forms are looked for.
    """
    names = [name for name in DATE_FORMS if name not in NUMBER_FORMS or name in numbers]
    found: list[str] = []
    n_misses = 0
    for text in texts:
        if any(parse_date(text, name) is not None for name in found):
            continue
        matching = [name for name in names if parse_date(text, name) is not None]
        found += matching
        n_misses += not matching
        if n_misses > max_misses:
            break
    if not found:
        return []
    found.sort(key=names.index)
    day_first = {*MONTH_FIRST, *YEAR_FIRST.values()}
    month_first = {*MONTH_FIRST.values()}
    year_last = [name for name in found if name not in YEAR_FIRST]
    orders = [
        [name for name in year_last if name not in month_first],
        [name for name in year_last if name not in MONTH_FIRST],
    ]
    if any(name in YEAR_FIRST for name in found):
        year_first = [name for name in found if name not in day_first and name not in month_first]
        if _may_have_year_first(texts):
            orders.insert(0, year_first)
        elif not any(_reads_all(order, texts) for order in orders):
            orders.append(year_first)
    return [order for order in dict.fromkeys(map(tuple, orders)) if order]


def _reads_all(names: Collection[str], texts: Collection[str]) -> bool:
    return all(any(parse_date(text, name) is not None for name in names) for text in texts)


def _may_have_year_first(texts: Collection[str]) -> bool:
    """Whether 21-02-05 may be the 5th of February: days take more values than years. 01/02/21 may begin a month."""
    matches = [match for text in texts if (match := SHORT.match(text))]
    first, third = {match[1] for match in matches}, {match[3] for match in matches}
    return len(third) > len(first) and first != {"01"}


def has_short_year(text: str) -> bool:
    """Whether a date has a year of two digits."""
    return any(
        (match := date_shape(name).fullmatch(text)) is not None and len(match.groupdict().get("y") or "") == 2
        for name in DATE_FORMS
    )

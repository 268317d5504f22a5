"""Type inference for one CSV cell, as SQL conditions."""

from __future__ import annotations

from .duckdb_connection import literal

# Above it float64, the type of all model inputs, does not hold every integer.
LARGEST_EXACT_INTEGER = 2**53
MISSING_WORDS = ("na", "n/a", "#n/a", "nan", "null", "none", "-", ".", "?")
# As Python and R write truth values.
TITLE_BOOLEANS, UPPER_BOOLEANS = ("False", "True"), ("FALSE", "TRUE")
INFINITE_WORDS = ("inf", "+inf", "-inf", "infinity", "+infinity", "-infinity")

INTEGER = r"-?(?:0|[1-9][0-9]*)|\+(?:0|[1-9][0-9]{0,5})"
FRACTION = r"[+-]?(?:0|[1-9][0-9]*)?\.[0-9]*"
DECIMAL_NUMBER = rf"(?:{INTEGER}|{FRACTION})(?:[eE][+-]?[0-9]+)?"
CODE = "[0-9]+[eE][0-9]+"
DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
MOMENT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?"
OFFSET = r"(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)"
DAY_OR_MONTH_FIRST = r"[0-9]{1,2}[/.-][0-9]{1,2}[/.-](?:[0-9]{4}|[0-9]{2})(?:[ T].*)?"
DECORATED_NUMBER = r"[+-]?[$€£¥]?\s*[+-]?[0-9][0-9,.' ]*\s*(?:%|[$€£¥]|USD|EUR|GBP|CHF|CNY)?"
# The years that Python's dates hold. DuckDB also reads the year 0, years from 10000 on and "infinity".
OF_CALENDAR = "BETWEEN TIMESTAMP '0001-01-01' AND TIMESTAMP '9999-12-31 23:59:59.999999'"


def kind_sql(cell: Cell) -> str:
    """SQL for the kind of a cell: the first condition that holds decides."""
    kinds = (
        (cell.is_blank, "blank"),
        (cell.is_integer, "integer"),
        (f"{cell.is_code} AND {cell.is_number}", "code"),
        (cell.is_number, "number"),
        (cell.is_word_for_missing, "word"),
        (cell.is_boolean, "boolean"),
        (cell.is_date, "date"),
        # Without a digit it is a word, unless it is infinite. Only the rest needs the regular expressions below.
        (f"NOT regexp_matches({cell.raw}, '[0-9]') AND NOT {cell.is_infinite}", "other"),
        (cell.is_infinite, "infinite"),
        (cell.has_leading_zero, "zeros"),
        (cell.is_huge_integer, "huge"),
        (cell.is_zoned_moment, "zoned"),
        (cell.is_moment, "moment"),
        (cell.is_ambiguous_date, "ambiguous"),
        (cell.is_decorated_number, "decorated"),
    )
    return (
        "CASE "
        + " ".join(
            f"WHEN {condition} THEN {cell.boolean if kind == 'boolean' else literal(kind)}"
            for condition, kind in kinds
        )
        + " ELSE 'other' END"
    )


class Cell:
    """SQL conditions on one cell. For a missing cell each of them is NULL or false."""

    def __init__(self, column: str, decimal: str, value: str = ""):
        """`value`: the SQL column that holds the cell already cast to its type, if there is one."""
        self.raw = column
        self._value = value
        self.text = f"trim({column})"
        self.is_blank = f"({column} IS NULL OR trim({column}) = '')"
        self.is_filled = f"trim({column}) <> ''"
        self.is_comma = decimal == ","

    def _matches(self, pattern: str) -> str:
        return f"regexp_full_match({self.text}, {literal(pattern)})"

    @property
    def number(self) -> str:
        """The cell with a decimal point, for casting. A point in a comma file makes it NULL: "1.234" is ambiguous."""
        if not self.is_comma:
            return self.raw
        return f"CASE WHEN contains({self.raw}, '.') THEN NULL ELSE replace({self.raw}, ',', '.') END"

    def cast(self, storage: str) -> str:
        """The cell as a value of a type; NULL when it is none."""
        if self._value:
            return self._value
        text = {"BIGINT": self.raw, "DOUBLE": self.number}.get(storage, self.text)
        return f"TRY_CAST({text} AS {storage})"

    @property
    def is_integer(self) -> str:
        value = self.cast("BIGINT")
        return (
            f"(abs({value}) <= {LARGEST_EXACT_INTEGER} AND "
            f"(CAST({value} AS VARCHAR) = {self.raw} OR {self._matches(INTEGER)}))"
        )

    @property
    def is_number(self) -> str:
        """Cheap comparisons decide the common forms; only the rest needs the regular expression."""
        text, value = self.number, self.cast("DOUBLE")
        is_plain = (
            f"((({text} >= '1' AND {text} < ':') OR ({text} >= '0.' AND {text} < '0/') OR {text} = '0' "
            f"OR ({text} >= '-1' AND {text} < '-:') OR ({text} >= '-0.' AND {text} < '-0/')) "
            f"AND NOT contains({text}, '_'))"
        )
        is_shaped = f"regexp_full_match(trim({text}), {literal(DECIMAL_NUMBER)})"
        is_whole = self._matches("[+-]?[0-9]+")
        is_exact = (
            f"(abs({value}) < {LARGEST_EXACT_INTEGER} OR NOT {is_whole} OR {Cell(self.raw, '.').is_integer})"
        )
        is_usual = f"(abs({value}) < {LARGEST_EXACT_INTEGER} AND {is_plain})"
        return f"({is_usual} OR (isfinite({value}) AND ({is_plain} OR {is_shaped}) AND {is_exact}))"

    @property
    def is_code(self) -> str:
        """1E05: a code rather than a number, since programs write the exponents of numbers with a sign."""
        # Cheap comparisons first; only the rest needs the regular expression.
        has_e = f"(contains({self.raw}, 'E') OR contains({self.raw}, 'e'))"
        return f"({self.raw} < ':' AND {has_e} AND {self._matches(CODE)})"

    @property
    def is_infinite(self) -> str:
        words = ", ".join(map(literal, INFINITE_WORDS))
        value = f"TRY_CAST({self.number} AS DOUBLE)"
        return (
            f"(lower({self.text}) IN ({words}) OR "
            f"(isinf({value}) AND regexp_full_match(trim({self.number}), {literal(DECIMAL_NUMBER)})))"
        )

    @property
    def is_word_for_missing(self) -> str:
        return f"lower({self.text}) IN ({', '.join(map(literal, MISSING_WORDS))})"

    @property
    def is_boolean(self) -> str:
        return f"({self.raw} IN ('true', 'false') OR lower({self.text}) IN ('true', 'false'))"

    @property
    def boolean(self) -> str:
        """The kind of a truth value, by how it is written."""
        title, upper = (", ".join(map(literal, words)) for words in (TITLE_BOOLEANS, UPPER_BOOLEANS))
        return (
            f"CASE WHEN {self.text} IN ({title}) THEN 'boolean in title case' "
            f"WHEN {self.text} IN ({upper}) THEN 'boolean in upper case' ELSE 'boolean' END"
        )

    @property
    def is_date(self) -> str:
        value = self.cast("DATE")
        is_shaped = " OR ".join(
            f"({text} LIKE '____-__-__' AND {text} >= '0')" for text in (self.raw, self.text)
        )
        return f"(({is_shaped}) AND {value} {OF_CALENDAR})"

    @property
    def is_moment(self) -> str:
        """A time without an offset. DuckDB ignores the offset of a text that is cast to TIMESTAMP."""
        return f"({self._matches(MOMENT)} AND TRY_CAST({self.text} AS TIMESTAMP) {OF_CALENDAR})"

    @property
    def is_zoned_moment(self) -> str:
        value = f"CAST(TRY_CAST({self.text} AS TIMESTAMPTZ) AS TIMESTAMP)"
        return f"({self._matches(MOMENT + OFFSET)} AND {value} {OF_CALENDAR})"

    @property
    def has_leading_zero(self) -> str:
        return self._matches("[+-]?0[0-9]+")

    @property
    def is_huge_integer(self) -> str:
        return (
            f"({self._matches('[+-]?[1-9][0-9]{15,}')} AND "
            f"coalesce(abs(TRY_CAST({self.text} AS HUGEINT)) > {LARGEST_EXACT_INTEGER}, true))"
        )

    @property
    def is_ambiguous_date(self) -> str:
        return self._matches(DAY_OR_MONTH_FIRST)

    @property
    def is_decorated_number(self) -> str:
        return f"({self._matches(DECORATED_NUMBER)} AND NOT {self._matches('[+-]?[0-9]+')})"

    @property
    def is_date_or_moment(self) -> str:
        """A date, or a time without an offset. Most cells are decided by writing the cast value back, which costs a
        third of the regular expression."""
        value = self.cast("TIMESTAMP")
        return (
            f"({value} {OF_CALENDAR} AND (CAST({value} AS VARCHAR) = replace({self.raw}, 'T', ' ') "
            f"OR {self._matches(DATE)} OR {self._matches(MOMENT)}))"
        )

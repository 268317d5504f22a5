"""The columns of the list of predictions, and its lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ...ml.types.schema import Role, Signature, label_text
from ...models import PredictionLog
from ...services.prediction_log.log_summaries import summary_of
from ...templatetags.mlweb import share
from ..pages.tables import ASCENDING, DESCENDING, ColumnChoice, Head, url_with
from ..pages.value_texts import cell_text
from ..predictions.predict import shown_answer

# The list shows this many input values of a row, and offers and shows at most so many columns of one model.
MAX_CELLS = 6
MAX_OFFERED, MAX_SHOWN = 300, 40
# The log has one order, that of time, which its key gives in both directions; another one would read all of it.
OLDEST_FIRST = "when"
CELL = '<span class="log-cell"><span class="muted">{}</span> {}</span>'


class LogColumns:
    """The columns of the list. With one model chosen, one for each input and class of its newest version too."""

    def __init__(self, signature: Signature | None, chosen: list[str]):
        self.inputs = list(signature.names)[:MAX_OFFERED] if signature else []
        self.classes = [str(label_text(each)) for each in signature.labels][:MAX_OFFERED] if signature else []
        # The numbers of an input stand under each other; other values begin at the left.
        self.numeric = (
            {field.name for field in signature.fields if field.role is Role.NUMERIC} if signature else set()
        )
        own = {
            "model": _("Version") if signature else _("Model"),
            "answer": _("Prediction"),
            "inputs": _("Asked with"),
        }
        self.labels: dict[str, str] = {
            **own,
            **{f"i{place}": name for place, name in enumerate(self.inputs, 1)},
            **{
                f"p{place}": _("Probability of %(label)s") % {"label": label}
                for place, label in enumerate(self.classes, 1)
            },
            "by": _("By"),
            "ms": "ms",
        }
        usual = ["model", "answer", "by", "ms"]
        usual += [f"i{place}" for place in range(1, min(MAX_CELLS, len(self.inputs)) + 1)] or ["inputs"]
        self.usual = [name for name in self.labels if name in usual]
        self.shown = [name for name in self.labels if name in chosen][:MAX_SHOWN] or self.usual

    @property
    def choices(self) -> list[ColumnChoice]:
        return [
            ColumnChoice(name, clipped(label, 60), name in self.shown) for name, label in self.labels.items()
        ]

    def heads(self, params: Any, *, is_oldest_first: bool) -> list[Head]:
        url = url_with(params, sort="" if is_oldest_first else OLDEST_FIRST)
        first = Head(_("When"), "when", url, ASCENDING if is_oldest_first else DESCENDING)
        return [
            first,
            *(
                Head(clipped(self.labels[name], 40), name, is_number=self._is_number(name))
                for name in self.shown
            ),
        ]

    def _is_number(self, name: str) -> bool:
        if name[1:].isdecimal():
            return name.startswith("p") or self.labels[name] in self.numeric
        return name == "ms"

    def cells(self, inputs: dict[str, Any], n_inputs: int, chances: dict[str, float]) -> SafeString:
        """The cells of inputs and classes. Built here: the same loop in the template takes half the page's time."""
        found = []
        for name in self.shown:
            kind, place = name[0], name[1:]
            if not place.isdecimal():
                continue
            label = (self.inputs if kind == "i" else self.classes)[int(place) - 1]
            if kind == "p":
                text = share(chances[label]) if label in chances else "–"
            elif label in inputs:
                text = clipped(cell_text(inputs[label]), 40)
            else:
                # Of a very long row only the beginning is read.
                text = "…" if len(inputs) < n_inputs else "–"
            found.append(("num" if self._is_number(name) else "text", clipped(label), text))
        return format_html_join("", '<td class="{}" data-label="{}">{}</td>', found)


@dataclass(frozen=True)
class LogLine:
    """One row of the list: the answer, and the first input values or the cells of the chosen columns."""

    row: PredictionLog
    label: str
    probability: float | None
    cells: SafeString
    columns: SafeString
    n_more: int
    warning_words: str

    @classmethod
    def of(cls, row: PredictionLog, columns: LogColumns) -> LogLine:
        has_cells = "inputs" in columns.shown
        has_columns = any(name[1:].isdecimal() for name in columns.shown)
        summary = summary_of(row, None if has_columns else MAX_CELLS)
        shown = shown_answer(summary.output)
        chance = next((bar.probability for bar in shown.bars if bar.is_predicted), None)
        first = summary.inputs[:MAX_CELLS] if has_cells else ()
        cells = [(clipped(name), clipped(cell_text(value))) for name, value in first]
        n_more = max(summary.n_inputs - len(cells), 0)
        chances = {bar.name: bar.probability for bar in shown.bars}
        more = (
            columns.cells(dict(summary.inputs), summary.n_inputs, chances) if has_columns else SafeString("")
        )
        n = summary.n_warnings
        words = ngettext("%(n)s warning", "%(n)s warnings", n) % {"n": n} if n else ""
        return cls(row, clipped(shown.label, 60), chance, cell_list(cells), more, n_more, words)


def cell_list(cells: list[tuple[str, str]]) -> SafeString:
    """Names and values as escaped HTML. Built here, because the same loop in the template took half the page's time."""
    return format_html_join(" ", CELL, cells)


def clipped(text: str, limit: int = 24) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"

"""The thresholds of a version as a curve, a slider and figures, computed on the server for every step of the slider."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ...ml.types.schema import Signature
from ...ml.types.threshold_rule import NUMBERS, ThresholdRule, catches_none
from ...models import ModelVersion
from ...services.registry import threshold_choices
from ...templatetags.mlweb import number, share
from ..training.form_threshold import PREFIX, number_field

CHOICE_TITLES = {
    "now": gettext_lazy("Now"),
    "f1": gettext_lazy("Best F1"),
    "cost": gettext_lazy("Lowest cost"),
    "precision": gettext_lazy("Precision wanted"),
    "recall": gettext_lazy("Recall wanted"),
    "fixed": gettext_lazy("Now"),
}
AT_LEAST = 0.9


class ExploreForm(forms.Form):
    """What is looked at: a threshold of a class, the costs of both errors, a wanted precision or recall."""

    positive_class = forms.ChoiceField(label=gettext_lazy("Positive class"), required=False)
    false_positive = number_field(gettext_lazy("A false alarm costs"), "")
    false_negative = number_field(gettext_lazy("A miss costs"), "")
    by = forms.ChoiceField(
        label=gettext_lazy("At least"),
        required=False,
        choices=(("precision", gettext_lazy("precision")), ("recall", gettext_lazy("recall"))),
    )
    at_least = number_field(gettext_lazy("of"), "")
    value = number_field(gettext_lazy("Threshold"), "")

    def __init__(self, data: Mapping[str, Any], *, version: ModelVersion):
        signature: Signature = version.signature
        initial = _initial(version)
        given = {name: value for name, value in data.items() if value != ""}
        super().__init__({**initial, **given}, initial=initial, label_suffix="", auto_id="explore_%s")
        self.fields["positive_class"].choices = [(name, name) for name in signature.class_names]
        for name in ("false_positive", "false_negative", "at_least", "value"):
            self.fields[name].widget.attrs |= {"class": "form-control form-control-sm"}
        for name in ("positive_class", "by"):
            self.fields[name].widget.attrs |= {"class": "form-select form-select-sm"}

    def _checked(self, name: str, most: float) -> float | None:
        value: float | None = self.cleaned_data.get(name)
        if value is not None and not 0 < value < most:
            self.add_error(
                name,
                _("Give a number above 0.") if most > 1 else _("Give a number between 0 and 1."),
            )
            return None
        return value

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        for name in ("false_positive", "false_negative"):
            data[name] = self._checked(name, 1e12)
        for name in ("at_least", "value"):
            data[name] = self._checked(name, 1)
        return data

    def chosen(self, name: str) -> Any:
        """The given value; the initial one where none or a wrong one is given."""
        given = None if name in self.errors else self.cleaned_data.get(name)
        return self.initial.get(name) if given in (None, "") else given


def _initial(version: ModelVersion) -> dict[str, Any]:
    """Costs and aim of the version's own rule, where it has one."""
    rule = (version.part("decision") or {}).get("rule") or {}
    costs = rule if rule.get("by") == "cost" else {}
    return {
        "positive_class": version.signature.positive_name,
        "false_positive": costs.get("false_positive", 1),
        "false_negative": costs.get("false_negative", 1),
        "by": rule["by"] if rule.get("by") in ("precision", "recall") else "precision",
        "at_least": rule.get("at_least", AT_LEAST),
    }


class ThresholdExplorer:
    """What the page draws and says: one figure of each kind for each step of the slider."""

    def __init__(self, version: ModelVersion, form: ExploreForm):
        self.form = form
        self.costs = (float(form.chosen("false_positive")), float(form.chosen("false_negative")))
        rules = [
            ThresholdRule("f1"),
            ThresholdRule("cost", self.costs),
            ThresholdRule(form.chosen("by"), (float(form.chosen("at_least")),)),
        ]
        positive_class = form.chosen("positive_class")
        self.found = threshold_choices.choices_of(
            version, rules=rules, positive_class=positive_class, value=form.chosen("value")
        )
        self.positive = self.found.positive

    @cached_property
    def figures(self) -> dict[str, Any]:
        return self._figures(self.found.selected)

    def _figures(self, outcome: Any) -> dict[str, Any]:
        """The texts of an outcome, as the page shows them."""
        cost = outcome.cost(*self.costs)
        return {
            "threshold": number(outcome.threshold, 4),
            "hits": number(outcome.hits),
            "misses": number(outcome.misses),
            "alarms": number(outcome.alarms),
            "passes": number(outcome.n_negative - outcome.alarms),
            "precision": share(outcome.precision),
            "recall": share(outcome.recall),
            "f1": number(outcome.f1, 3),
            "cost": number(cost),
            "cost_share": number(100 * cost / outcome.n_rows, 4) if outcome.n_rows else "–",
        }

    @property
    def n_positive(self) -> float:
        return self.found.selected.n_positive

    @property
    def n_negative(self) -> float:
        return self.found.selected.n_negative

    @property
    def catches_none(self) -> bool:
        return self.n_positive > 0 and self.found.selected.hits == 0

    @property
    def none_sentence(self) -> str:
        return catches_none(self.positive, {"true_positive": 0, "false_negative": self.n_positive})

    @cached_property
    def steps(self) -> dict[str, Any]:
        """For the script: the texts of each step of the slider, by the name of the figure."""
        rows = [self._figures(each) for each in self.found.table.outcomes]
        texts = {name: [row[name] for row in rows] for name in rows[0]} if rows else {}
        return {"texts": texts, "values": [each.threshold for each in self.found.table.outcomes],
                "none": [each.hits == 0 for each in self.found.table.outcomes]}  # fmt: skip

    @property
    def steps_json(self) -> str:
        return json.dumps(self.steps, separators=(",", ":"))

    @property
    def value(self) -> str:
        return repr(self.found.selected.threshold)

    @property
    def query(self) -> list[tuple[str, Any]]:
        """What is looked at, without the threshold, as fields of a form."""
        names = ("positive_class", "false_positive", "false_negative", "by", "at_least")
        return [(name, self.form.chosen(name)) for name in names]

    @property
    def last_step(self) -> int:
        return len(self.found.table.outcomes) - 1

    @property
    def step(self) -> int:
        """The step of the slider that is nearest to the selected threshold."""
        return round(self._position(self.found.selected.threshold) * self.last_step)

    def _position(self, threshold: float) -> float:
        """Where a threshold stands on the axis, from 0 to 1; steps are equally wide."""
        values = self.steps["values"]
        place = bisect_left(values, threshold)
        if place == 0 or place >= len(values):
            return 0.0 if place == 0 else 1.0
        low, high = values[place - 1], values[place]
        return float((place - 1 + (threshold - low) / (high - low)) / self.last_step)

    def _percent(self, threshold: float) -> str:
        return f"{100 * self._position(threshold):.2f}%"

    @property
    def place(self) -> str:
        return self._percent(self.found.selected.threshold)

    @cached_property
    def choices(self) -> list[dict[str, Any]]:
        """The rows of the table of rules, with their places on the axis."""
        return [
            {
                "title": CHOICE_TITLES[each.name],
                "aim": share(each.rule.numbers[0])
                if each.rule and each.name in ("precision", "recall")
                else "",
                "note": each.note,
                "value": repr(each.threshold),
                "place": self._percent(each.threshold),
                "anchor": "end" if self._position(each.threshold) > 0.8 else "start",
                "height": 12 + 14 * row,
                "is_selected": each.threshold == self.found.selected.threshold,
                "catches_none": self.n_positive > 0 and each.outcome.hits == 0,
                **self._figures(each.outcome),
            }
            for row, each in enumerate(self.found.choices)
        ]

    @cached_property
    def _most_cost(self) -> float:
        """The cost at the top of the drawing: three times that of the better of naming all rows and naming none."""
        found = self.found.selected
        naming_all, naming_none = self.costs[0] * found.n_negative, self.costs[1] * found.n_positive
        highest = max((each.cost(*self.costs) for each in self.found.table.outcomes), default=0.0)
        return min(highest, 3 * min(naming_all, naming_none)) or highest or 1.0

    @property
    def curves(self) -> Mapping[str, str]:
        """Points of the curves in a square of 1,000 units; cost is drawn beside `most_cost`, and cut above it."""
        outcomes = self.found.table.outcomes
        return {
            "precision": self._line([each.precision for each in outcomes]),
            "recall": self._line([each.recall for each in outcomes]),
            "cost": self._line([each.cost(*self.costs) / self._most_cost for each in outcomes]),
        }

    def _line(self, values: Sequence[float | None]) -> str:
        last = max(self.last_step, 1)
        return " ".join(
            f"{1000 * place / last:.1f},{1000 - 1000 * value:.1f}"
            for place, value in enumerate(values)
            if value is not None
        )

    @property
    def most_cost(self) -> str:
        """The cost of 100 rows at the top of the drawing."""
        return number(100 * self._most_cost / max(self.found.selected.n_rows, 1), 3)

    @property
    def ticks(self) -> list[str]:
        values = self.steps["values"]
        places = [round(part * self.last_step / 4) for part in range(5)]
        return [number(values[place], 2) for place in places] if values else []

    @property
    def hidden(self) -> list[tuple[str, Any]]:
        """The fields of the form that makes the version with the selected threshold."""
        rule = self.found.selected_rule
        numbers = dict(zip(NUMBERS[rule.by], rule.numbers, strict=True))
        values = {"by": rule.by, "positive_class": self.positive, "value": self.value, **numbers}
        return [(f"{PREFIX}-{name}", value) for name, value in values.items()]

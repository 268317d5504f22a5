"""The training form. Its fields depend on the dataset and on the chosen estimator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ...errors import InvalidHyperparameters, InvalidTrainingRequest, MlwebError
from ...i18n.translation import translated
from ...ml.types import positive_class
from ...ml.types.schema import Role, Task
from ...ml.types.training_request import EFFORTS
from ...models import Dataset, RegisteredModel
from ...services import training
from ...services.training import TrainingOptions, estimator_catalogue
from ...services.training.estimator_catalogue import AUTO, EstimatorInfo, Hyperparameter
from ..pages.known_names import numbered
from . import form_forecast
from .form_directions import given_directions, refused_columns
from .form_hyperparameters import OpenChoiceField, field_for
from .form_readings import ReadingRow, given_readings, reading_rows
from .form_roles import ColumnRow, column_rows, given_roles
from .form_threshold import PREFIX as THRESHOLD
from .form_threshold import ThresholdForm
from .initial_values import DEFAULT_SEED, initial_values
from .likely_target import proposed_target
from .words import AUTO_CLUSTERS, AUTO_SUMMARY, EFFORT_TITLES, OWN, OWN_TITLE, SPLIT_TITLES, TASK_TITLES


def field_names(dataset: Dataset) -> set[str]:
    """All names that the form may send for this dataset, whatever was chosen in it before."""
    n_columns = len(dataset.schema.columns)
    return {
        *TrainingRunForm.base_fields,
        *form_forecast.FIELDS,
        *form_forecast.COLUMN_FIELDS,
        form_forecast.HOLIDAYS,
        *(f"{THRESHOLD}-{name}" for name in ThresholdForm.base_fields),
        *numbered(n_columns, "role-", "joined-", "missing-", "monotone-"),
        *(
            f"param-{info.key}-{knob.name}"
            for info in estimator_catalogue.catalogue()
            for knob in info.hyperparameters
        ),
    }


class TrainingRunForm(forms.Form):
    """The training form. `shown` holds initial values: from a link, an earlier run or an htmx request."""

    target = OpenChoiceField(
        label=gettext_lazy("What should be predicted?"),
        error_messages={"required": gettext_lazy("Choose the column that should be predicted.")},
    )
    task = OpenChoiceField(label=gettext_lazy("What kind of answer?"), required=False)
    estimator = OpenChoiceField(label=gettext_lazy("Estimator"))
    split = OpenChoiceField(
        label=gettext_lazy("How should it be tested?"),
        required=False,
        help_text=gettext_lazy("Which rows are kept aside to judge the model."),
    )
    positive_class = OpenChoiceField(
        label=gettext_lazy("Positive class"),
        required=False,
        help_text=gettext_lazy(
            "The class that is looked for: thresholds, costs, precision and recall are about it."
        ),
    )
    registered_model = forms.CharField(
        label=gettext_lazy("Name of the model"), max_length=200,
        help_text=gettext_lazy("A name that exists already gets a new version."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "list": "model-names"}),
    )  # fmt: skip
    effort = OpenChoiceField(label=gettext_lazy("How long may it take?"), required=False)
    budget_seconds = forms.IntegerField(label=gettext_lazy("Seconds"), required=False)
    max_lost_share = forms.FloatField(
        label=gettext_lazy("Share of a column's cells that a changed meaning may empty"),
        required=False,
        help_text=gettext_lazy(
            "Between 0 and 1. A cell that is no number, say, is missing where its column is made a number."
        ),
    )
    weight_column = OpenChoiceField(
        label=gettext_lazy("How much does each row count?"),
        required=False,
        help_text=gettext_lazy(
            "A column of numbers of 0 or more. A row of 2 counts twice, a row of 0 is left out. It is no feature."
        ),
    )
    seed = forms.IntegerField(
        label=gettext_lazy("Random seed"),
        help_text=gettext_lazy("The same seed on the same data gives the same model."),
    )

    def __init__(self, data: Any = None, *, dataset: Dataset, shown: Mapping[str, Any] | None = None):
        self.dataset = dataset
        self.catalogue = {info.key: info for info in estimator_catalogue.catalogue()}
        self.target_error = self.direction_error = ""
        beginning = initial_values(
            dataset, data if data is not None else (shown or {}), is_sent=data is not None
        )
        super().__init__(data, initial=beginning, label_suffix="")
        if self.is_forecasting:
            self.fields |= form_forecast.forecast_fields(self.dataset.schema, beginning["target"])
            self.initial |= form_forecast.first_values(
                self.dataset.schema, beginning, data if data is not None else (shown or {})
            )
        self.found = self._found(beginning)
        self._fill_choices(beginning)
        self._say_why_proposed(shown or {})
        self.threshold = ThresholdForm(data, shown=beginning, positive=self["positive_class"].value() or "")
        self._add_hyperparameters(beginning)

    # --- Target and task ---------------------------------------------------------------------------------

    def _found(self, beginning: Mapping[str, Any]) -> Task | None:
        """The task inferred from the target. `target_error` says why a needed one cannot be inferred."""
        try:
            return training.find_task(dataset=self.dataset, options=self._target_options(beginning))
        except InvalidTrainingRequest as error:
            self.target_error = error.message if self.uses_target and beginning["target"] else ""
            return None

    def _target_options(self, values: Mapping[str, Any]) -> TrainingOptions:
        """The options that decide what else can be chosen: the target, and the roles and readings of the columns."""
        return TrainingOptions(
            target=values["target"],
            roles=given_roles(self.dataset, values),
            readings=given_readings(self.dataset, values),
        )

    @property
    def uses_target(self) -> bool:
        task = self["task"].value()
        return task not in set(Task) or Task(task).has_target

    @property
    def is_forecasting(self) -> bool:
        return bool(self["task"].value() == Task.FORECASTING)

    @property
    def forecast_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in form_forecast.FIELDS if name in self.fields]

    @property
    def uses_forecast_columns(self) -> bool:
        return any(field.value() or field.errors for field in self.forecast_columns)

    @property
    def forecast_columns(self) -> list[forms.BoundField]:
        names = (*form_forecast.COLUMN_FIELDS, form_forecast.HOLIDAYS)
        return [self[name] for name in names if name in self.fields]

    @property
    def asked_task(self) -> Task | None:
        task = self["task"].value()
        return Task(task) if task in set(Task) else self.found

    @property
    def is_binary(self) -> bool:
        return self.asked_task is Task.BINARY

    # --- Fields that depend on the choice ----------------------------------------------------------------

    def _fill_choices(self, beginning: Mapping[str, Any]) -> None:
        self.fields["target"].required = self.uses_target
        self.fields["target"].choices = [
            ("", _("Choose a column")),
            *((name, name) for name in self.dataset.schema.names),
        ]
        inferred_title = (
            _("As found: %(task_titles)s") % {"task_titles": TASK_TITLES[self.found].lower()}
            if self.found
            else _("Found from the target")
        )
        self.fields["task"].choices = [
            ("", inferred_title),
            *((task.value, title) for task, title in TASK_TITLES.items()),
        ]
        self._fill_estimators(beginning)
        self._fill_splits(beginning)
        self._fill_positive_class(beginning)
        self._fill_weights(beginning)
        self._fill_efforts()

    def _say_why_proposed(self, shown: Mapping[str, Any]) -> None:
        """Beneath the target: why the form proposes this column, or none."""
        if not self.is_bound and self.uses_target and shown.get("target") not in self.dataset.schema:
            self.fields["target"].help_text = proposed_target(self.dataset).reason

    def _fill_estimators(self, beginning: Mapping[str, Any]) -> None:
        task = self.asked_task
        fitting = [info for info in self.catalogue.values() if task is None or task.fitted_as in info.tasks]
        several = [(AUTO, _("Auto: try several and keep the best"))] if len(fitting) > 1 else []
        offered = [*several, *((info.key, translated(info.title)) for info in fitting)]
        self.fields["estimator"].choices = offered
        # An estimator that does not fit a new target is replaced by the first one offered; the page shows it.
        if not self.is_bound and offered and beginning["estimator"] not in dict(offered):
            self.initial["estimator"] = offered[0][0]

    def _fill_efforts(self) -> None:
        longest = settings.TRAINING_MAX_BUDGET_SECONDS
        self.fields["effort"].choices = [
            *((name, EFFORT_TITLES[name]) for name, seconds in EFFORTS.items() if seconds <= longest),
            (OWN, OWN_TITLE),
        ]
        self.fields["budget_seconds"].help_text = _("Only for “%(own_title)s”: 1 to %(longest)s.") % {
            "own_title": OWN_TITLE,
            "longest": f"{longest:,}",
        }
        self.fields["budget_seconds"].widget.attrs.update(min=1, max=longest)
        self.fields["seed"].widget.attrs.update(min=0)

    def _fill_weights(self, beginning: Mapping[str, Any]) -> None:
        """Offer columns of numbers; a chosen one stays even if it is not offered."""
        chosen = str(beginning.get("weight_column") or "")
        columns = self.dataset.schema.columns
        names = [each.name for each in columns if each.role is Role.NUMERIC or each.name == chosen]
        self.fields["weight_column"].choices = [("", _("All rows the same"))] + [
            (name, name) for name in names
        ]

    def _fill_splits(self, beginning: Mapping[str, Any]) -> None:
        """Offer the columns that can split the rows; a chosen split stays even if it is not offered."""
        splits, self.split_advice = training.splits_for(
            dataset=self.dataset, options=self._target_options(beginning)
        )
        choices = {split.text: SPLIT_TITLES[split.kind].format(split.column) for split in splits}
        split = beginning.get("split") or ""
        if split and split not in choices:
            if self.is_bound or split.partition(":")[2] in self.dataset.schema:
                choices[split] = split
            else:
                self.initial["split"] = ""
        self.fields["split"].choices = list(choices.items())

    def _fill_positive_class(self, beginning: Mapping[str, Any]) -> None:
        """Offer both classes, with the proposed one first; a class of another target is replaced by it."""
        target = beginning["target"]
        counts = (
            positive_class.counts_in(self.dataset.schema[target]) if target in self.dataset.schema else {}
        )
        if not self.is_binary or not counts:
            self.fields["positive_class"].choices = []
            self.initial["positive_class"] = ""
            return
        proposed = positive_class.proposed(counts)
        self.fields["positive_class"].choices = [
            (
                name,
                (_("%(name)s (%(n)s rows, proposed)") if name == proposed else _("%(name)s (%(n)s rows)"))
                % {"name": name, "n": f"{n:,}"},
            )
            for name, n in sorted(counts.items(), key=lambda each: each[0] != proposed)
        ]
        if beginning.get("positive_class") not in counts:
            self.initial["positive_class"] = proposed

    @property
    def has_positive_class(self) -> bool:
        return bool(self.fields["positive_class"].choices)

    @property
    def info(self) -> EstimatorInfo | None:
        """The estimator that is chosen; None for Auto."""
        return self.catalogue.get(str(self["estimator"].value()))

    @property
    def summary(self) -> str:
        if self.info:
            return str(translated(self.info.summary))
        return AUTO_CLUSTERS if self.asked_task is Task.CLUSTERING else AUTO_SUMMARY

    @property
    def advice(self) -> estimator_catalogue.Advice | None:
        """Which estimator to choose; None when one is chosen."""
        if self.info is not None or self.found is None or self.is_forecasting:
            return None
        shown = self.data if self.is_bound else self.initial
        options = TrainingOptions(
            target=self["target"].value(),
            task=self.asked_task,
            roles=given_roles(self.dataset, shown),
            readings=given_readings(self.dataset, shown),
            monotone=given_directions(self.dataset, shown),
        )
        return estimator_catalogue.advise(dataset=self.dataset, options=options)

    def _knobs(self) -> list[Hyperparameter]:
        if self.info is None:
            return []
        task = self.asked_task
        return [knob for knob in self.info.hyperparameters if task is None or task.fitted_as in knob.tasks]

    def _add_hyperparameters(self, beginning: Mapping[str, Any]) -> None:
        """Fields named `param-<estimator>-<name>`, so that a value is never used for another estimator."""
        if self.info is None:
            return
        for knob in self._knobs():
            name = f"param-{self.info.key}-{knob.name}"
            self.fields[name] = field_for(knob)
            self.initial[name] = beginning.get(name, knob.default)

    @property
    def hyperparameters(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name.startswith("param-")]

    # --- Column roles ------------------------------------------------------------------------------------

    @property
    def column_rows(self) -> list[ColumnRow]:
        values = self.data if self.is_bound else self.initial
        refused = (
            refused_columns(self.dataset, values, self["target"].value()) if self.direction_error else set()
        )
        return column_rows(self.dataset, values, refused=refused, refusal=self.direction_error)

    @property
    def has_roles(self) -> bool:
        """Whether a role or a direction was changed: then the page shows the list."""
        is_refused = self.is_bound and "max_lost_share" in self.errors
        values = self.data if self.is_bound else self.initial
        return (
            is_refused
            or bool(given_roles(self.dataset, values))
            or bool(given_directions(self.dataset, values))
        )

    @property
    def has_more_options(self) -> bool:
        """Whether an option for experts was changed or refused: then the page shows them."""
        weights = self["weight_column"]
        is_weighted = self.is_tested_on_rows and bool(weights.value() or weights.errors)
        return is_weighted or str(self["seed"].value()) != str(DEFAULT_SEED) or bool(self["seed"].errors)

    @property
    def reading_rows(self) -> list[ReadingRow]:
        return reading_rows(self.dataset, self.data if self.is_bound else self.initial)

    @property
    def has_readings(self) -> bool:
        """Whether a reading was chosen: then the page shows the list."""
        return bool(given_readings(self.dataset, self.data if self.is_bound else self.initial))

    # --- Call of the service -----------------------------------------------------------------------------

    def clean(self) -> dict[str, Any]:
        """Every invalid hyperparameter gets its error, not only the first."""
        data = super().clean() or {}
        if data.get("effort") == OWN and data.get("budget_seconds") is None and "budget_seconds" in data:
            self.add_error("budget_seconds", _("Say how many seconds the training may take."))
        for knob in self._knobs():
            name = f"param-{self.info.key}-{knob.name}" if self.info else knob.name
            try:
                knob.convert(data.get(name, ""))
            except InvalidHyperparameters as error:
                self.add_error(name, translated(error.message))
        if self.is_binary and not self.threshold.is_valid():
            self.add_error(None, _("How to decide between the two classes is not clear yet; see below."))
        return data

    @property
    def options(self) -> TrainingOptions:
        """The options of `training.start_run`, from the cleaned data."""
        data = self.cleaned_data
        prefix = f"param-{data['estimator']}-"
        return TrainingOptions(
            target=data["target"] if self.uses_target else "",
            task=data["task"],
            estimator=data["estimator"],
            params={knob.name: knob.convert(data[prefix + knob.name]) for knob in self._knobs()},
            roles=given_roles(self.dataset, self.data),
            max_lost_share=data["max_lost_share"],
            readings=given_readings(self.dataset, self.data),
            monotone=given_directions(self.dataset, self.data),
            threshold=self.threshold.rule if self.is_binary else None,
            positive_class=(self.has_positive_class and data["positive_class"]) or None,
            split=(self.is_tested_on_rows and data["split"]) or None,
            weight_column=(self.is_tested_on_rows and data["weight_column"]) or None,
            forecast=form_forecast.asked_forecast(data) if self.is_forecasting else None,
            seed=data["seed"],
            **self._asked_budget,
        )

    @property
    def is_tested_on_rows(self) -> bool:
        """Whether the split can be chosen: a forecast is always tested on later rows."""
        return self.uses_target and not self.is_forecasting

    @property
    def _asked_budget(self) -> dict[str, Any]:
        effort = self.cleaned_data["effort"]
        if effort and effort != OWN:
            return {"effort": effort}
        return {"budget_seconds": self.cleaned_data["budget_seconds"]}

    def add_service_error(self, error: MlwebError) -> None:
        """Add the service's error to the field that it is about."""
        if isinstance(error, InvalidHyperparameters) and error.problems:
            for problem in error.problems:
                name = f"param-{self.cleaned_data.get('estimator')}-{problem.pointer}"
                self.add_error(name if name in self.fields else "estimator", translated(problem.detail))
            return
        name = error.field or self._place_by_trial()
        if name == "monotone":
            self.direction_error = error.message
        # An option without a field of its own, such as the roles, is about the whole form.
        self.add_error(name if name in self.fields else None, translated(error.message))

    def _place_by_trial(self) -> str:
        """Find the field of an error by trying: the target, the task, or else the estimator."""
        if self.target_error:
            return "target"
        given = self.options
        options = TrainingOptions(
            target=given.target,
            task=given.task,
            roles=given.roles,
            readings=given.readings,
            forecast=given.forecast,
        )
        try:
            training.find_task(dataset=self.dataset, options=options)
        except InvalidTrainingRequest:
            return "task"
        return "estimator"


def model_names(dataset: Dataset) -> list[str]:
    """The newest 50 model names to offer; choosing one makes a new version of that model."""
    models = RegisteredModel.objects.filter(workspace_id=dataset.workspace_id)
    return list(models.order_by("-id").values_list("name", flat=True)[:50])

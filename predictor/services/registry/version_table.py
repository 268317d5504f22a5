"""Two to ten versions of a model side by side: each tested against one of them, the base."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from ...errors import InvalidInput, NotFound
from ...models import ModelVersion, PredictionTotal, RegisteredModel, without_documents
from .comparison import ComparedMetric, Comparison, compared_with, dataset_facts, facts_of

FEWEST, MOST = 2, 10
# What is read of a report: its slices, importances and dependences can be a megabyte.
PARTS = (
    "intervals",
    "conditions",
    "classes",
    "per_class",
    "decision",
    "points",
    "residuals",
    "n_rows",
    "weighting",
)
OWN_DOCUMENTS = ("params", "signature_json", "artifacts", "metrics", "warnings")

Standing = Literal["base", "better", "worse", "no clear difference", "not tested"]


@dataclass(frozen=True)
class ComparedRow:
    """One fact, hyperparameter or column: its value in each version, in their order."""

    name: str
    values: tuple[Any, ...]

    @property
    def is_same(self) -> bool:
        return all(each == self.values[0] for each in self.values[1:])


@dataclass(frozen=True)
class MetricCell:
    """A metric of one version with its 95 % interval (low, high), and its test against the base."""

    number: int
    value: float | None
    low: float | None
    high: float | None
    standing: Standing
    tested: ComparedMetric | None = None

    @property
    def p(self) -> float | None:
        """Adjusted for the number of versions, where there are more than two."""
        if self.tested is None:
            return None
        return self.tested.p if self.tested.adjusted_p is None else self.tested.adjusted_p


@dataclass(frozen=True)
class MetricRow:
    name: str
    cells: tuple[MetricCell, ...]


@dataclass(frozen=True)
class VersionTable:
    """Versions side by side; `pairs` compares the base (`a`) with each other version (`b`), in their order."""

    base: ModelVersion
    pairs: tuple[Comparison, ...]
    latencies: Mapping[int, float]

    @property
    def versions(self) -> list[ModelVersion]:
        """The base first."""
        return [self.base, *(each.b for each in self.pairs)]

    @property
    def is_same_data(self) -> bool:
        return all(each.is_same_data for each in self.pairs)

    @cached_property
    def metrics(self) -> list[MetricRow]:
        names = dict.fromkeys(each.name for pair in self.pairs for each in pair.metrics)
        found = [{each.name: each for each in pair.metrics} for pair in self.pairs]
        return [
            MetricRow(
                name,
                (
                    _cell(self.base, name, "base"),
                    *(
                        _tested_cell(pair.b, name, each.get(name))
                        for pair, each in zip(self.pairs, found, strict=True)
                    ),
                ),
            )
            for name in names
        ]

    @property
    def facts(self) -> list[ComparedRow]:
        return self._rows(facts_of, self._service)

    @property
    def dataset(self) -> list[ComparedRow]:
        return self._rows(_training_data)

    @property
    def params(self) -> list[ComparedRow]:
        return self._rows(lambda version: version.params)

    @property
    def features(self) -> list[ComparedRow]:
        """The role of each column; None in a version that does not read it."""
        return self._rows(lambda version: {each.name: each.role.value for each in version.signature.fields})

    def _service(self, version: ModelVersion) -> dict[str, Any]:
        run = version.trained.training_run
        took = run.elapsed if run is not None and run.finished_at is not None else None
        return {
            "training_seconds": took.total_seconds() if took is not None else None,
            "mean_latency_ms": self.latencies.get(version.pk),
        }

    def _rows(self, *values_of: Callable[[ModelVersion], Mapping[str, Any]]) -> list[ComparedRow]:
        found = [
            {name: value for each in values_of for name, value in each(version).items()}
            for version in self.versions
        ]
        names = dict.fromkeys(name for each in found for name in each)
        return [ComparedRow(name, tuple(each.get(name) for each in found)) for name in names]


def standing_of(pair: Comparison) -> Standing:
    """Of the second version of a pair, by the metric that candidates are chosen by."""
    return _standing(pair.verdict.better) if pair.verdict.is_tested else "not tested"


def table_of(versions: Sequence[ModelVersion], *, base: int | None = None) -> VersionTable:
    """Compare versions of one model with the one numbered `base`, or else the first. Raises InvalidInput."""
    if not FEWEST <= len({each.pk for each in versions}) == len(versions) <= MOST:
        raise InvalidInput(f"{FEWEST} to {MOST} different versions can be compared.", field="version")
    first = next((each for each in versions if each.number == base), None if base else versions[0])
    if first is None:
        raise InvalidInput(f"Version {base} is the base but not among the compared versions.", field="base")
    others = [each for each in versions if each is not first]
    totals = PredictionTotal.objects.filter(
        model_version__in=[each.pk for each in versions], n_requests__gt=0
    )
    sums = totals.values_list("pk", "latency_ms_sum", "n_requests")
    latencies = {pk: total / n for pk, total, n in sums}
    return VersionTable(first, tuple(compared_with(first, others)), latencies)


def load(model: RegisteredModel, numbers: Sequence[int]) -> list[ModelVersion]:
    """The versions of these numbers, in this order, with what a comparison reads. Raises NotFound, InvalidInput."""
    wanted = list(dict.fromkeys(numbers))
    if not FEWEST <= len(wanted) <= MOST:
        raise InvalidInput(f"{FEWEST} to {MOST} different versions can be compared.", field="version")
    rows = model.versions.filter(number__in=wanted).select_related(
        "dataset", "training_run", "made_from__training_run"
    )
    rows = without_documents(
        rows, "dataset", "training_run", "made_from", "made_from__training_run", but=OWN_DOCUMENTS
    )
    found = {each.number: each for each in rows.with_report_parts(*PARTS)}
    missing = next((each for each in wanted if each not in found), None)
    if missing is not None:
        raise NotFound(f"{model.name} has no version {missing}.")
    return [found[number] for number in wanted]


def _standing(better: str | None) -> Standing:
    return {"a": "worse", "b": "better"}.get(better or "", "no clear difference")  # type: ignore[return-value]


def _cell(
    version: ModelVersion, name: str, standing: Standing, tested: ComparedMetric | None = None
) -> MetricCell:
    value = version.metrics.get(name)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    interval = (version.part("intervals") or {}).get(name)
    low, high = interval if interval else (None, None)
    return MetricCell(version.number, float(value) if is_number else None, low, high, standing, tested)


def _tested_cell(version: ModelVersion, name: str, metric: ComparedMetric | None) -> MetricCell:
    if metric is None or not metric.is_tested:
        return _cell(version, name, "not tested", metric)
    return _cell(version, name, _standing(metric.better), metric)


def _training_data(version: ModelVersion) -> dict[str, Any]:
    conditions = version.part("conditions") or {}
    split = conditions.get("split") or {}
    return {
        **dataset_facts(version),
        "split": split.get("kind"),
        "split_column": split.get("column"),
        "n_held_out": version.part("n_rows"),
        "created_at": version.created_at,
    }

"""Actual values: store what came true for predictions of the log, early or late, once, again or corrected.

The last value of a prediction counts, by the time when it became known; the history stays. A value whose prediction
is not found is kept and matched later: the log may be written a moment after the answer.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from ...errors import InvalidInput, MlwebError
from ...ml.types.schema import Scalar, Signature
from ...models import (
    Actual,
    ApiToken,
    ModelVersion,
    PredictionLog,
    PredictionSource,
    User,
    Workspace,
)
from ...models.prediction_log import row_ids
from ..prediction_log.group_commit import turn
from . import actual_values

# Values stored in one transaction: some 30 ms on SQLite, in which no other process can write.
AT_ONCE = 500
# Faults and waiting values that a receipt names.
N_SHOWN = 20
# Values of one workspace that may wait for their predictions, and how long they are tried.
MAX_WAITING = 100_000
TRIED_DAYS = 30
# Values tried again in one run of the worker.
TRIED_AT_ONCE = 5_000
# Clocks differ; a value that becomes known later than this is a mistake.
FUTURE = timedelta(days=1)
# Their rows have numbered ids, so one row of a million is found by its id.
NUMBERED = (PredictionSource.BATCH, PredictionSource.CSV)


@dataclass(frozen=True)
class GivenActual:
    """One value as a caller gives it. `place`: its place among those of the call, from 1.

    The prediction is named by its id, or by request id and row number. `known_at`: None for now.
    """

    place: int
    value: Any
    prediction: uuid.UUID | None = None
    request_id: str = ""
    row_number: int = 1
    known_at: datetime | None = None

    @property
    def words(self) -> str:
        if self.prediction is not None:
            return str(self.prediction)
        return f"{self.request_id}, row {self.row_number:,}"


@dataclass(frozen=True)
class Fault:
    """A value that was not stored, and why."""

    place: int
    message: str


@dataclass
class Receipt:
    """What became of the values of a call. `corrected`: another value was there before; `unchanged`: the same one.

    `waiting`: stored, but no such prediction is known yet. `other_classes`: stored, but the version knows no such
    class. `faults` and `waiting_examples` are the first ones.
    """

    received: int = 0
    matched: int = 0
    corrected: int = 0
    unchanged: int = 0
    waiting: int = 0
    other_classes: int = 0
    refused: int = 0
    faults: list[Fault] = field(default_factory=list)
    waiting_examples: list[str] = field(default_factory=list)

    def refuse(self, place: int, message: str) -> None:
        self.refused += 1
        if len(self.faults) < N_SHOWN:
            self.faults.append(Fault(place, message))

    def add_waiting(self, given: GivenActual) -> None:
        self.waiting += 1
        if len(self.waiting_examples) < N_SHOWN:
            self.waiting_examples.append(given.words)


@dataclass(frozen=True)
class _Logged:
    """A predicted row of the log."""

    id: uuid.UUID
    version: int
    output: Mapping[str, Any]
    created_at: datetime


@dataclass(frozen=True)
class _Checked:
    given: GivenActual
    value: Scalar
    known_at: datetime
    row: _Logged | None


def record(
    workspace: Workspace,
    given: Iterable[GivenActual | Fault],
    *,
    source: str,
    by: User | None = None,
    token: ApiToken | None = None,
) -> Receipt:
    """Store the values. A wrong one is refused with its place and does not stop the others."""
    receipt = Receipt()
    signatures = _Signatures()
    rows = iter(given)
    room = MAX_WAITING - Actual.objects.filter(workspace=workspace).waiting().count()
    who = {"workspace": workspace, "source": source, "actor": by, "api_token": token}
    while part := list(itertools.islice(rows, AT_ONCE)):
        receipt.received += len(part)
        now = timezone.now()
        sound = []
        for each in part:
            if isinstance(each, Fault):
                receipt.refuse(each.place, each.message)
            else:
                sound.append(each)
        logged = _logged_rows(workspace, sound)
        checked = list(_checked(sound, logged, signatures, receipt, now))
        waiting = [each for each in checked if each.row is None]
        for excess in waiting[max(room - receipt.waiting, 0) :]:
            receipt.refuse(
                excess.given.place,
                f"{MAX_WAITING:,} values wait for their predictions already, the most that are kept.",
            )
        waiting = waiting[: max(room - receipt.waiting, 0)]
        _store([each for each in checked if each.row is not None], waiting, receipt, who)
        for stored in waiting:
            receipt.add_waiting(stored.given)
    return receipt


def match_waiting(*, within: timedelta = timedelta(days=TRIED_DAYS), most: int = TRIED_AT_ONCE) -> int:
    """Try values that came within this time and wait for their predictions again, the newest first.

    Returns how many were matched.
    """
    since = timezone.now() - within
    waiting = Actual.objects.waiting().filter(created_at__gte=since).order_by("-id")[:most]
    signatures, n_matched = _Signatures(), 0
    by_workspace = itertools.groupby(
        sorted(waiting, key=lambda each: each.workspace_id), key=lambda each: each.workspace_id
    )
    for workspace_id, group in by_workspace:
        rows = list(group)
        for start in range(0, len(rows), AT_ONCE):
            n_matched += _match(workspace_id, rows[start : start + AT_ONCE], signatures)
    return n_matched


def forget_old(before: datetime) -> int:
    """Delete values of predictions made before, and those that wait since before; return how many."""
    n_deleted = 0
    for rows in (
        Actual.objects.filter(predicted_at__lt=before),
        Actual.objects.waiting().filter(created_at__lt=before),
    ):
        while keys := list(rows.order_by("id").values_list("pk", flat=True)[:AT_ONCE]):
            with turn():
                n_deleted += Actual.objects.filter(pk__in=keys).delete()[0]
    return n_deleted


def forget_past_retention(*, days: int | None = None) -> int:
    """Values are kept as long as the log (MLWEB_LOG_RETENTION_DAYS, 0: for good); return how many were deleted."""
    days = settings.LOG_RETENTION_DAYS if days is None else days
    return forget_old(timezone.now() - timedelta(days=days)) if days else 0


def history_of(prediction: uuid.UUID) -> list[Actual]:
    """All values of a prediction, the last one that came first."""
    rows = Actual.objects.filter(prediction=prediction, model_version__isnull=False)
    return list(rows.select_related("actor").order_by("-id")[:N_SHOWN])


def _match(workspace_id: int, rows: Sequence[Actual], signatures: _Signatures) -> int:
    """Match waiting rows whose predictions are there now."""
    given = [
        GivenActual(place, each.value, each.prediction, each.request_id, each.row_number, each.known_at)
        for place, each in enumerate(rows)
    ]
    logged = _logged_rows(workspace_id, given)
    n_matched = 0
    for each in given:
        row, actual = logged.get(each.place), rows[each.place]
        if row is None:
            continue
        try:
            value = actual_values.value_for(signatures[row.version], actual.value)
        except InvalidInput:
            continue
        with turn(), transaction.atomic():
            current = Actual.objects.filter(prediction=row.id, is_current=True).first()
            is_last = current is None or actual.known_at >= current.known_at
            if current is not None and is_last:
                Actual.objects.filter(pk=current.pk).update(is_current=False)
            Actual.objects.filter(pk=actual.pk).update(
                prediction=row.id,
                model_version=row.version,
                value=value,
                predicted_at=row.created_at,
                output=_kept(row.output),
                is_current=is_last,
            )
        n_matched += 1
    return n_matched


def _checked(
    given: Sequence[GivenActual],
    logged: Mapping[int, _Logged],
    signatures: _Signatures,
    receipt: Receipt,
    now: datetime,
) -> Iterable[_Checked]:
    for each in given:
        known_at = each.known_at or now
        try:
            if known_at > now + FUTURE:
                raise InvalidInput("The time when the value became known lies in the future.")
            value, row = actual_values.scalar(each.value), logged.get(each.place)
            if row is not None:
                value = actual_values.value_for(signatures[row.version], value)
                receipt.other_classes += not actual_values.is_known(signatures[row.version], value)
        except MlwebError as error:
            receipt.refuse(each.place, error.message)
        else:
            yield _Checked(each, value, known_at, row)


def _store(
    matched: Sequence[_Checked], waiting: Sequence[_Checked], receipt: Receipt, who: Mapping[str, Any]
) -> None:
    """One transaction. Where somebody else stores a value of the same prediction at the same moment, once more."""
    for attempt in itertools.count():
        try:
            with turn(), transaction.atomic():
                counts = _insert(matched, waiting, who)
        except IntegrityError:
            if attempt == 2:
                raise
        else:
            receipt.matched += counts[0]
            receipt.corrected += counts[1]
            receipt.unchanged += counts[2]
            return


def _insert(
    matched: Sequence[_Checked], waiting: Sequence[_Checked], who: Mapping[str, Any]
) -> tuple[int, int, int]:
    """The numbers of values matched, corrected and unchanged."""
    # The last one of each prediction in this part, the others before it, in the order in which they became known.
    ordered = sorted(matched, key=lambda each: each.known_at)
    ids = {each.row.id for each in ordered if each.row is not None}
    current = {each.prediction: each for each in Actual.objects.filter(prediction__in=ids, is_current=True)}
    stored = {key: each.pk for key, each in current.items()}
    new: list[Actual] = []
    n_corrected = n_unchanged = 0
    for each, row in ((each, each.row) for each in ordered):
        if row is None:
            continue
        before = current.get(row.id)
        if before is not None and before.value == each.value and type(before.value) is type(each.value):
            n_unchanged += 1
            continue
        is_last = before is None or each.known_at >= before.known_at
        actual = Actual(
            **who,
            model_version_id=row.version,
            prediction=row.id,
            request_id=each.given.request_id,
            row_number=each.given.row_number,
            value=each.value,
            known_at=each.known_at,
            is_current=is_last,
            predicted_at=row.created_at,
            output=_kept(row.output),
        )
        n_corrected += before is not None
        new.append(actual)
        if is_last:
            if before is not None:
                before.is_current = False
            current[row.id] = actual
    superseded = [pk for key, pk in stored.items() if current[key].pk != pk]
    Actual.objects.filter(pk__in=superseded).update(is_current=False)
    new += [
        Actual(
            **who,
            prediction=each.given.prediction,
            request_id=each.given.request_id,
            row_number=each.given.row_number,
            value=each.value,
            known_at=each.known_at,
        )
        for each in waiting
    ]
    Actual.objects.bulk_create(new)
    return len(matched) - n_unchanged, n_corrected, n_unchanged


def _logged_rows(workspace: Workspace | int, given: Sequence[GivenActual]) -> dict[int, _Logged]:
    """The rows of the log that the values name, by the place of the value."""
    log = PredictionLog.objects.filter(workspace=workspace).order_by("id")
    columns = ("id", "model_version_id", "output", "created_at")
    found: dict[int, _Logged] = {}
    by_id = {each.prediction: each for each in given if each.prediction is not None}
    rows = {row[0]: _Logged(*row) for row in log.filter(id__in=by_id).values_list(*columns)} if by_id else {}
    found |= {
        each.place: rows[each.prediction]
        for each in given
        if each.prediction is not None and each.prediction in rows
    }
    by_request: dict[str, list[GivenActual]] = {}
    for each in given:
        if each.prediction is None:
            by_request.setdefault(each.request_id, []).append(each)
    for request_id, named in by_request.items():
        of_request = log.filter(request_id=request_id)
        first = of_request.values_list("id", "source").first()
        if first is None:
            continue
        numbers = {each.row_number for each in named}
        if first[1] in NUMBERED:
            keys = [uuid.UUID(key) for key in row_ids(first[0], sorted(numbers))]
            of_request = of_request.filter(id__in=keys)
        else:
            of_request = of_request.filter(row_number__in=numbers)
        # In the order of time: of several requests with one id, the last one counts.
        by_number = {row[0]: _Logged(*row[1:]) for row in of_request.values_list("row_number", *columns)}
        found |= {each.place: by_number[each.row_number] for each in named if each.row_number in by_number}
    return found


def _kept(output: Any) -> dict[str, Any]:
    """What of an answer is needed to judge it: not its explanation."""
    names = ("prediction", "probabilities", "interval", "set")
    return {name: output[name] for name in names if name in output} if isinstance(output, Mapping) else {}


class _Signatures(dict[int, Signature]):
    """The signatures of versions by their key, read once."""

    def __missing__(self, pk: int) -> Signature:
        stored = ModelVersion.objects.filter(pk=pk).values_list("signature_json", flat=True).get()
        self[pk] = Signature.from_json(stored)
        return self[pk]


def newest(workspace: Workspace, *, only_waiting: bool = False, most: int = 50) -> list[Actual]:
    """The newest values of a workspace."""
    rows = Actual.objects.filter(workspace=workspace)
    rows = rows.waiting() if only_waiting else rows
    return list(
        rows.select_related("model_version__registered_model", "actor")
        .defer("model_version__evaluation", "model_version__signature_json")
        .order_by("-id")[:most]
    )

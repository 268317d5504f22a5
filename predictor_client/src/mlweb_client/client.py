"""Client: one method for each call of the API."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, overload
from urllib.parse import quote, urlsplit

from .addresses import batch_path, creates, heeds_key, query_of, slug
from .answers import Answer, Batch, Dataset, Model, Run, Scalar, Version
from .errors import JobFailed
from .transport import Received, Transport

JSON = "application/json"
FORMS = ("offline-page", "bundle", "onnx")
FILE_TYPES = {
    ".csv": "text/csv",
    ".parquet": "application/vnd.apache.parquet",
    ".jsonl": "application/x-ndjson",
    ".ndjson": "application/x-ndjson",
}
Which = int | str


class Client:
    """API client for one workspace of an mlweb server, with one API token. Thread-safe.

    `url`: address of the server, such as "http://127.0.0.1:8000". `timeout`: seconds without data until a call
    fails. `retries`: how often a call is repeated at most, after 429, 503 or a broken connection. `max_wait`:
    seconds that all waits of a call may take together. Every call raises ApiError for an error response, and
    ConnectionFailed without a response.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        workspace: str = "default",
        timeout: float = 60.0,
        retries: int = 3,
        max_wait: float = 60.0,
    ):
        self._transport = Transport(url, timeout=timeout, retries=retries, max_wait=max_wait)
        self._authorization = f"Bearer {token}"
        self._base = f"/api/v1/{quote(workspace, safe='')}"

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        self._transport.close()

    def predict(
        self,
        model: str,
        rows: Sequence[Mapping[str, Scalar]] | None = None,
        *,
        version: Which | None = None,
        explain: bool = False,
        nearest: int = 0,
        coverage: float | None = None,
        horizon: int | None = None,
        group: str | float | None = None,
        history: Sequence[Mapping[str, Scalar]] = (),
        future: Sequence[Mapping[str, Scalar]] = (),
        quantiles: Sequence[float] = (),
        strict: bool = False,
        key: str | None = None,
    ) -> Answer:
        """Predict rows {column: value}. `version`: a number or an alias; the champion by default.

        `nearest`: number of nearest training rows for each row; the token also needs the scope read.
        For a forecast: `horizon`, a number of future periods instead of rows, of all series or of one `group`;
        `history`, values newer than the training data; `future`, values of the columns that are known in advance;
        `quantiles`, the probabilities of quantiles. `key`: an Idempotency-Key; a call repeated with the same
        key gets the first response, and is logged once.
        """
        fields = {
            "rows": None if rows is None else list(rows),
            "version": version,
            "explain": explain or None,
            "nearest": nearest or None,
            "coverage": coverage,
            "horizon": horizon,
            "group": group,
            "history": list(history) or None,
            "future": list(future) or None,
            "quantiles": list(quantiles) or None,
            "strict": strict or None,
        }
        body = {name: value for name, value in fields.items() if value is not None}
        return Answer.from_json(self.request("POST", f"/models/{slug(model)}/predictions", body, key=key))

    def predict_csv(
        self,
        model: str,
        path: str | os.PathLike[str],
        *,
        to: str | os.PathLike[str],
        version: Which | None = None,
        coverage: float | None = None,
        strict: bool = False,
        **options: str,
    ) -> Path:
        """Predict a CSV file in one request, and write the result to `to`. `options`: encoding, delimiter, decimal,
        skip_bad_rows, skip_lines, comment, units_lines, footer_lines."""
        query = {"version": version, "coverage": coverage, "strict": "true" if strict else None, **options}
        return self._download(
            "POST", f"/models/{slug(model)}/predictions{query_of(query)}", to, path, accept="text/csv"
        )

    def send_actuals(self, actuals: Sequence[Mapping[str, Any]], *, key: str | None = None) -> dict[str, Any]:
        """Send what really happened: {"prediction": id, "value": …} or {"request_id": …, "row_number": …, "value":
        …}, with "known_at" as ISO 8601 where it is not now; at most 10,000. Returns the receipt: received, matched,
        corrected, unchanged, waiting, other_classes, refused, faults, waiting_examples."""
        receipt: dict[str, Any] = self.request("POST", "/actuals", {"actuals": list(actuals)}, key=key)
        return receipt

    def live_quality(self, model: str, *, days: int = 30) -> list[dict[str, Any]]:
        """How the versions of a model did on predictions of the last days whose actual values are known."""
        found: list[dict[str, Any]] = self.request(
            "GET", f"/models/{slug(model)}/live-quality?days={int(days)}"
        )
        return found

    def upload(self, path: str | os.PathLike[str], *, name: str = "", **options: str) -> Dataset:
        """Store a CSV file as a dataset. `options`: encoding, delimiter, decimal, skip_bad_rows,
        infinite_as_missing, skip_lines, comment, units_lines, footer_lines."""
        query = query_of({"name": name or Path(path).stem, **options})
        with open(path, "rb") as file:
            received = self._send("POST", f"/datasets{query}", file, "text/csv", key=_new_key())
        return Dataset.from_json(json.loads(received.body))

    def datasets(self) -> list[Dataset]:
        return [Dataset.from_json(each) for each in self._pages("/datasets")]

    def train(
        self, dataset: Dataset | int, *, registered_model: str, target: str | None = None, **settings: Any
    ) -> Run:
        """Queue a training run. `settings`: task, estimator, params, roles, readings, monotone, weight_column,
        max_lost_share, split, threshold, positive_class, effort, budget_seconds, seed; of a forecast date_column,
        group_column, horizon, frequency, aggregation, known_columns, static_columns, holidays."""
        number = dataset.id if isinstance(dataset, Dataset) else dataset
        body = {"dataset": number, "registered_model": registered_model, **settings}
        if target is not None:
            body["target"] = target
        return Run.from_json(self.request("POST", "/training-runs", body))

    def run(self, run: Run | int) -> Run:
        """Current state of a training run."""
        return Run.from_json(self.request("GET", f"/training-runs/{_number(run)}"))

    def cancel(self, run: Run | int) -> Run:
        return Run.from_json(self.request("PATCH", f"/training-runs/{_number(run)}", {"status": "cancelled"}))

    def predict_file(
        self,
        model: str,
        path: str | os.PathLike[str],
        *,
        version: Which | None = None,
        coverage: float | None = None,
        strict: bool = False,
        **options: str,
    ) -> Batch:
        """Queue a batch prediction of a CSV, Parquet or JSON lines file (by its suffix) of any size.
        `wait` for it, then fetch its `result`. Raises ValueError for another suffix."""
        kind = FILE_TYPES.get(Path(path).suffix.lower())
        if kind is None:
            raise ValueError(f"{Path(path).name!r} should end in one of {', '.join(FILE_TYPES)}.")
        fields = {"version": version, "coverage": coverage, "strict": "true" if strict else None, **options}
        with open(path, "rb") as file:
            address = f"/models/{slug(model)}/batches{query_of(fields)}"
            return Batch.from_json(json.loads(self._send("POST", address, file, kind, key=_new_key()).body))

    def batch(self, batch: Batch) -> Batch:
        """Current state of a batch."""
        return Batch.from_json(self.request("GET", batch_path(batch)))

    def result(self, batch: Batch, *, to: str | os.PathLike[str]) -> Path:
        """Download the result of a batch: the rows with their predictions, in the format of the uploaded file."""
        return self._download("GET", f"{batch_path(batch)}/result", to)

    @overload
    def wait(self, job: Run | int, *, timeout: float = ..., every: float = ...) -> Run: ...

    @overload
    def wait(self, job: Batch, *, timeout: float = ..., every: float = ...) -> Batch: ...

    def wait(self, job: Run | Batch | int, *, timeout: float = 3600.0, every: float = 0.5) -> Run | Batch:
        """Wait until a run or batch has succeeded, and return it; it is polled `every` seconds. Raises JobFailed if it
        failed or was cancelled, TimeoutError after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while not (current := self._now(job)).is_finished:
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"{current.kind} {current.id} is {current.status} after {timeout:g} seconds."
                )
            time.sleep(every)
        if current.status != "succeeded":
            raise JobFailed(current)
        return current

    def _now(self, job: Run | Batch | int) -> Run | Batch:
        return self.batch(job) if isinstance(job, Batch) else self.run(job)

    def models(self) -> list[Model]:
        return [Model.from_json(each) for each in self._pages("/models")]

    def versions(self, model: str) -> list[Version]:
        """Versions of a model, newest first."""
        return [Version.from_json(each) for each in self._pages(f"/models/{slug(model)}/versions")]

    def version(self, model: str, number: int) -> Version:
        """A version with its signature: the input columns, and the values that are usual in them."""
        return Version.from_json(self.request("GET", f"/models/{slug(model)}/versions/{int(number)}"))

    def promote(self, model: str, version: int, *, alias: str = "champion") -> int:
        """Point the alias at a version; returns the number of that version."""
        return self._alias(model, alias, {"version": version})

    def roll_back(self, model: str, *, alias: str = "champion") -> int:
        """Point the alias at its previous version; returns the number of that version."""
        return self._alias(model, alias, {"roll_back": True})

    def take_along(
        self, model: str, version: int, *, to: str | os.PathLike[str], form: str = "offline-page"
    ) -> Path:
        """The offline page, the bundle or the ONNX file of a version, written to `to`."""
        if form not in FORMS:
            raise ValueError(f"There is no form {form!r}; there are {', '.join(FORMS)}.")
        return self._download("GET", f"/models/{slug(model)}/versions/{int(version)}/{form}", to)

    def request(self, method: str, path: str, body: Any = None, *, key: str | None = None) -> Any:
        """Any call of the API below the workspace, as JSON. `key`: an Idempotency-Key; calls that create have one
        by default. Raises ApiError, ConnectionFailed, and ValueError for a key that the server does not accept."""
        content = None if body is None else json.dumps(body, allow_nan=False).encode()
        if key is None and creates(method, path):
            key = _new_key()
        if key is not None and not heeds_key(method, path):
            raise ValueError(f"{method} {path} takes no key: the server would run a repeated call again.")
        received = self._send(method, path, content, key=key)
        return json.loads(received.body) if received.body else None

    def _alias(self, model: str, alias: str, body: Mapping[str, Any]) -> int:
        alias_now = self.request("PUT", f"/models/{slug(model)}/aliases/{quote(alias, safe='')}", body)
        return int(alias_now["version"])

    def _pages(self, path: str) -> Iterator[Mapping[str, Any]]:
        """Every row of a list, page by page."""
        next_path: str | None = f"{path}?page_size=500"
        while next_path:
            page = self.request("GET", next_path)
            yield from page["results"]
            parts = urlsplit(page.get("next") or "")
            next_path = f"{path}?{parts.query}" if parts.query else None

    def _download(
        self,
        method: str,
        path: str,
        to: str | os.PathLike[str],
        source: str | os.PathLike[str] | None = None,
        accept: str = "*/*",
    ) -> Path:
        """Written under a temporary name, then renamed: the file at `to` is always complete."""
        final = Path(to)
        partial = final.with_name(f".{final.name}.{uuid.uuid4().hex}.part")
        try:
            with partial.open("wb") as file:
                if source is None:
                    self._send(method, path, None, accept=accept, to=file)
                else:
                    with open(source, "rb") as content:
                        self._send(method, path, content, "text/csv", accept=accept, to=file)
            partial.replace(final)
        finally:
            partial.unlink(missing_ok=True)
        return final

    def _send(
        self,
        method: str,
        path: str,
        content: bytes | IO[bytes] | None = None,
        content_type: str = JSON,
        *,
        key: str | None = None,
        accept: str = JSON,
        to: IO[bytes] | None = None,
    ) -> Received:
        headers = {"Authorization": self._authorization, "Accept": accept, "User-Agent": "mlweb-client/0.1"}
        if content is not None:
            length = len(content) if isinstance(content, bytes) else os.fstat(content.fileno()).st_size
            headers |= {"Content-Type": content_type, "Content-Length": str(length)}
        if key is not None:
            # One key for all attempts, so that a retry is not carried out twice.
            headers["Idempotency-Key"] = key
        return self._transport.request(method, self._base + path, headers, content, to)


def _number(run: Run | int) -> int:
    return run.id if isinstance(run, Run) else int(run)


def _new_key() -> str:
    return uuid.uuid4().hex

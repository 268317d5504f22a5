"""The calls."""

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
    """A workspace of an mlweb server, seen with one API token. May be shared by threads.

    `url`: where the server is, such as "http://127.0.0.1:8000". `timeout`: seconds of silence until a call
    is given up. `retries`, `max_wait`: how often answers 429 and 503 are asked again, and the seconds that
    this may take in all.
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
        group: str | None = None,
        history: Sequence[Mapping[str, Scalar]] = (),
        strict: bool = False,
        key: str | None = None,
    ) -> Answer:
        """Answers for rows {column: value} by a version's number or alias, the champion unless said.

        `nearest`: how many training rows like each row to show; the token needs the scope read, too.
        Of a forecast: `horizon`, the periods to come, instead of rows, of all series or of one `group`;
        `history`, newer values than it was trained on. `key`: an Idempotency-Key; what is asked twice with
        one key is answered and logged once.
        """
        asked = {
            "rows": None if rows is None else list(rows),
            "version": version,
            "explain": explain or None,
            "nearest": nearest or None,
            "coverage": coverage,
            "horizon": horizon,
            "group": group,
            "history": list(history) or None,
            "strict": strict or None,
        }
        body = {name: value for name, value in asked.items() if value is not None}
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
        """Predict a whole CSV file into another one, `to`. `options`: encoding, delimiter, decimal,
        skip_bad_rows."""
        query = {"version": version, "coverage": coverage, "strict": "true" if strict else None, **options}
        return self._download(
            "POST", f"/models/{slug(model)}/predictions{query_of(query)}", to, path, accept="text/csv"
        )

    def upload(self, path: str | os.PathLike[str], *, name: str = "", **options: str) -> Dataset:
        """Store a CSV file as a dataset. `options`: encoding, delimiter, decimal, skip_bad_rows,
        infinite_as_missing."""
        query = query_of({"name": name or Path(path).stem, **options})
        with open(path, "rb") as file:
            received = self._send("POST", f"/datasets{query}", file, "text/csv", key=_new_key())
        return Dataset.from_json(json.loads(received.body))

    def datasets(self) -> list[Dataset]:
        return [Dataset.from_json(each) for each in self._pages("/datasets")]

    def train(
        self, dataset: Dataset | int, *, registered_model: str, target: str | None = None, **settings: Any
    ) -> Run:
        """Queue a training run. `settings`: task, estimator, params, roles, split, threshold, effort,
        budget_seconds, seed; of a forecast date_column, group_column, horizon, frequency, aggregation."""
        number = dataset.id if isinstance(dataset, Dataset) else dataset
        body = {"dataset": number, "registered_model": registered_model, **settings}
        if target is not None:
            body["target"] = target
        return Run.from_json(self.request("POST", "/training-runs", body))

    def run(self, run: Run | int) -> Run:
        """How it goes now."""
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
        """Queue a file of any size, CSV, Parquet or JSON lines by its suffix, for a worker to predict.
        `wait` for it, then fetch its `result`."""
        kind = FILE_TYPES.get(Path(path).suffix.lower())
        if kind is None:
            raise ValueError(f"{Path(path).name!r} should end in one of {', '.join(FILE_TYPES)}.")
        given = {"version": version, "coverage": coverage, "strict": "true" if strict else None, **options}
        with open(path, "rb") as file:
            where = f"/models/{slug(model)}/batches{query_of(given)}"
            return Batch.from_json(json.loads(self._send("POST", where, file, kind, key=_new_key()).body))

    def batch(self, batch: Batch) -> Batch:
        """How it goes now."""
        return Batch.from_json(self.request("GET", batch_path(batch)))

    def result(self, batch: Batch, *, to: str | os.PathLike[str]) -> Path:
        """The file with the answers beside the rows, in the format that the rows came in."""
        return self._download("GET", f"{batch_path(batch)}/result", to)

    @overload
    def wait(self, job: Run | int, *, timeout: float = ..., every: float = ...) -> Run: ...

    @overload
    def wait(self, job: Batch, *, timeout: float = ..., every: float = ...) -> Batch: ...

    def wait(self, job: Run | Batch | int, *, timeout: float = 3600.0, every: float = 0.5) -> Run | Batch:
        """The run or batch once it has succeeded. Raises JobFailed when it failed or was cancelled,
        TimeoutError."""
        deadline = time.monotonic() + timeout
        while not (found := self._now(job)).is_finished:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{found.kind} {found.id} is {found.status} after {timeout:g} seconds.")
            time.sleep(every)
        if found.status != "succeeded":
            raise JobFailed(found)
        return found

    def _now(self, job: Run | Batch | int) -> Run | Batch:
        return self.batch(job) if isinstance(job, Batch) else self.run(job)

    def models(self) -> list[Model]:
        return [Model.from_json(each) for each in self._pages("/models")]

    def versions(self, model: str) -> list[Version]:
        """Newest first."""
        return [Version.from_json(each) for each in self._pages(f"/models/{slug(model)}/versions")]

    def version(self, model: str, number: int) -> Version:
        """With its signature: the columns that it takes, and what they usually hold."""
        return Version.from_json(self.request("GET", f"/models/{slug(model)}/versions/{int(number)}"))

    def promote(self, model: str, version: int, *, alias: str = "champion") -> int:
        """Let the alias point at the version; gives the version that it points at now."""
        return self._alias(model, alias, {"version": version})

    def roll_back(self, model: str, *, alias: str = "champion") -> int:
        """Let the alias point where it pointed before; gives that version."""
        return self._alias(model, alias, {"roll_back": True})

    def take_along(
        self, model: str, version: int, *, to: str | os.PathLike[str], form: str = "offline-page"
    ) -> Path:
        """The offline page, the bundle or the ONNX file of a version, written to `to`."""
        if form not in FORMS:
            raise ValueError(f"There is no form {form!r}; there are {', '.join(FORMS)}.")
        return self._download("GET", f"/models/{slug(model)}/versions/{int(version)}/{form}", to)

    def request(self, method: str, path: str, body: Any = None, *, key: str | None = None) -> Any:
        """Any call of the API below the workspace, as JSON. `key`: an Idempotency-Key; what creates has one anyway.
        Raises ApiError, ConnectionFailed, and ValueError for a key where the server heeds none."""
        content = None if body is None else json.dumps(body, allow_nan=False).encode()
        if key is None and creates(method, path):
            key = _new_key()
        if key is not None and not heeds_key(method, path):
            raise ValueError(f"{method} {path} takes no key: the server would do again what is asked twice.")
        received = self._send(method, path, content, key=key)
        return json.loads(received.body) if received.body else None

    def _alias(self, model: str, alias: str, body: Mapping[str, Any]) -> int:
        found = self.request("PUT", f"/models/{slug(model)}/aliases/{quote(alias, safe='')}", body)
        return int(found["version"])

    def _pages(self, path: str) -> Iterator[Mapping[str, Any]]:
        """Every row of a list, page by page."""
        rest: str | None = f"{path}?page_size=500"
        while rest:
            found = self.request("GET", rest)
            yield from found["results"]
            parts = urlsplit(found.get("next") or "")
            rest = f"{path}?{parts.query}" if parts.query else None

    def _download(
        self,
        method: str,
        path: str,
        to: str | os.PathLike[str],
        source: str | os.PathLike[str] | None = None,
        accept: str = "*/*",
    ) -> Path:
        """Written under a temporary name and renamed: what is at `to` is whole."""
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
            # One key for all attempts: the server does once what is asked twice.
            headers["Idempotency-Key"] = key
        return self._transport.request(method, self._base + path, headers, content, to)


def _number(run: Run | int) -> int:
    return run.id if isinstance(run, Run) else int(run)


def _new_key() -> str:
    return uuid.uuid4().hex

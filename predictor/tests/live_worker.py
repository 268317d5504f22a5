"""A worker in the test's own process."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from django.db import connections

from predictor.models import TrainingRun
from predictor.services import training


@contextmanager
def hearing_worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A thread that gets the notifications instead of the broker and processes the jobs."""

    def work() -> None:
        try:
            for pk in TrainingRun.objects.queued().values_list("pk", flat=True):
                training.execute(pk)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=1) as worker:
        heard = []
        monkeypatch.setattr(
            "predictor.services.jobs.queue.current_app.send_task",
            lambda *args, **kwargs: heard.append(worker.submit(work)),
        )
        yield
        for each in heard:
            each.result()

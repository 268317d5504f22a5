"""The web server with ten minutes for its processes to end: a loaded machine is no reason to kill them.

`python -m mlweb.supervised predictor.tests.operations.patient_server`
"""

from __future__ import annotations

from mlweb import server

from ..waiting import HANG_SECONDS

if __name__ == "__main__":
    # The processes are forked, and find it changed.
    server.KILL_AFTER_SECONDS = HANG_SECONDS  # type: ignore[assignment]
    server.main()

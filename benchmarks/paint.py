"""What a browser waits for: first contentful paint and transferred bytes of pages, in Chromium on the same machine.

    python benchmarks/paint.py [--repeats 9] [--json FILE] [--quick]

Starts a server with its worker, trains a model on the table “Breast cancer” of scikit-learn, and opens pages as the
admin. “first visit” is the sum of the transferred bytes with an empty cache, in KB; “paint” is the first contentful
paint of later visits, in ms: the median, and the best. Needs Chromium (Debian: `apt install chromium`); without it,
nothing is measured.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
from _installation import EMAIL, environment_of, installation
from _machine import header, parser, write_json
from _tables import bundled_tables

MODEL = "/w/default/models/cancer/"
PAGES = {
    "overview": "/w/default/",
    "dataset": "/w/default/datasets/1/",
    "rows": "/w/default/datasets/1/rows/",
    "model, Summary": MODEL,
    "version, Charts": f"{MODEL}versions/1/charts/",
    "version, Explain": f"{MODEL}versions/1/explain/",
    "predict": f"{MODEL}predict/",
    "log": "/w/default/predictions/",
}
LINE = "{page:<18} {kilobytes:>14} {paint:>9} {best:>8}"
PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"


def main() -> int:
    argument_parser = parser(__doc__)
    argument_parser.add_argument("--repeats", type=int, default=9)
    options = argument_parser.parse_args()
    about = header("paint")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("Chromium is not installed (Debian: apt install chromium); nothing was measured.")
        return 0
    results = []
    with tempfile.TemporaryDirectory() as folder, installation(Path(folder)) as (port, token, _pid):
        train(port, token, Path(folder), budget=2 if options.quick else 10)
        print(LINE.format(page="page", kilobytes="first visit KB", paint="paint ms", best="best ms"))
        for result in measured(
            chromium,
            port,
            environment_of(Path(folder))["MLWEB_ADMIN_PASSWORD"],
            1 if options.quick else options.repeats,
        ):
            results.append(result)
            print(LINE.format(**result), flush=True)
    write_json(options.json, about, results)
    return 0


def train(port: int, token: str, folder: Path, *, budget: int) -> None:
    bundled_tables(folder / "tables", is_quick=False)
    with httpx.Client(
        base_url=f"http://127.0.0.1:{port}/api/v1/default",
        headers={"Authorization": f"Bearer {token}"},
        timeout=120,
    ) as api:
        table = folder / "tables" / "breast_cancer.train.csv"
        dataset = api.post("/datasets", files={"file": (table.name, table.read_bytes(), "text/csv")}).json()
        target = dataset["columns"][-1]["name"]
        asked = {
            "dataset": dataset["id"],
            "target": target,
            "registered_model": "Cancer",
            "budget_seconds": budget,
        }
        run = api.post("/training-runs", json=asked).json()["id"]
        while (found := api.get(f"/training-runs/{run}").json())["status"] in ("queued", "running"):
            time.sleep(0.5)
        if found["status"] != "succeeded":
            raise SystemExit(f"The training did not succeed: {found['error']}")


def measured(chromium: str, port: int, password: str, repeats: int) -> Any:
    """A result for each page: a first visit in a new browser context, then later ones."""
    from playwright.sync_api import sync_playwright

    base = f"http://127.0.0.1:{port}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        signed_in = browser.new_context()
        tab = signed_in.new_page()
        tab.goto(f"{base}/accounts/login/")
        tab.fill("input[name=login]", EMAIL)
        tab.fill("input[name=password]", password)
        tab.click("main button[type=submit]")
        tab.wait_for_url("**/w/default/")
        for name, path in PAGES.items():
            first = browser.new_context(storage_state=signed_in.storage_state())
            visitor = first.new_page()
            n_bytes = transferred(first, visitor, base + path)
            paints = []
            for _ in range(repeats):
                visitor.goto(base + path, wait_until="load")
                visitor.wait_for_function(PAINT)
                paints.append(visitor.evaluate(PAINT))
            first.close()
            yield {
                "page": name,
                "kilobytes": round(n_bytes / 1_000),
                "paint": round(statistics.median(paints)),
                "best": round(min(paints)),
            }
        browser.close()


def transferred(context: Any, page: Any, url: str) -> int:
    """The bytes of all responses, as they came over the wire."""
    sizes: list[float] = []
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.goto(url, wait_until="networkidle")
    return round(sum(sizes))


if __name__ == "__main__":
    sys.exit(main())

"""Tables of the benchmarks: data sets that scikit-learn ships, and splits into training and test files."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


def bundled_tables(folder: Path, *, is_quick: bool) -> Path:
    """Writes manifest.json and a train and a test CSV of each data set; a quarter of the rows is the test part."""
    from sklearn import datasets
    from sklearn.model_selection import train_test_split

    loaders = {"wine": "classification", "diabetes": "regression", "breast_cancer": "classification"}
    folder.mkdir()
    manifest = {}
    for name, task in list(loaders.items())[: 2 if is_quick else None]:
        bunch = getattr(datasets, f"load_{name}")(as_frame=True)
        frame = bunch.frame
        if task == "classification":
            frame["target"] = [f"class {bunch.target_names[code]}" for code in frame["target"]]
        train, test = train_test_split(frame, test_size=0.25, random_state=0)
        train.to_csv(folder / f"{name}.train.csv", index=False)
        test.to_csv(folder / f"{name}.test.csv", index=False)
        manifest[name] = {"target": "target", "task": task}
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    return folder


@dataclass(frozen=True)
class Tested:
    """One split of a table into a training and a test file. `share`: of the rows that are test rows."""

    train: Path
    test: Path
    target: str
    is_regression: bool
    number: int
    share: float

    def judged(self, classes: Sequence[str], answers: Any) -> tuple[Any, Any]:
        """The target of the test rows and the answers for them: numbers, or codes with a column for each class of
        the training file. Rows without a target, or of a class that the training file lacks, are left out.
        """
        cells = target_of(self.test, self.target)
        if self.is_regression:
            y = np.array([float(cell) if cell else np.nan for cell in cells])
            is_known = np.isfinite(y)
            return y[is_known], answers[is_known]
        labels = sorted({cell.lower() for cell in target_of(self.train, self.target) if cell})
        codes = {label: code for code, label in enumerate(labels)}
        full = np.zeros((len(cells), len(labels)))
        for place, label in enumerate(classes):
            if label.lower() in codes:
                full[:, codes[label.lower()]] = answers[:, place]
        y = np.array([codes.get(cell.lower(), -1) for cell in cells], dtype=np.intp)
        return y[y >= 0], full[y >= 0]


def target_of(path: Path, target: str) -> list[str]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [row[target] for row in csv.DictReader(file)]


def splits_of(
    tables: Path, name: str, entry: Mapping[str, Any], folder: Path, n_splits: int, seed: int
) -> Iterator[Tested]:
    """The split of the files, then others that draw as many test rows from both files, stratified by the target."""
    train, test = tables / f"{name}.train.csv", tables / f"{name}.test.csv"
    head, fitting = rows_of(train)
    _, testing = rows_of(test)
    rows, n_test = fitting + testing, len(testing)
    is_regression, target = entry["task"] == "regression", str(entry["target"])
    share = n_test / len(rows)
    yield Tested(copied(train, folder / "0"), copied(test, folder / "0"), target, is_regression, 0, share)
    place = head.index(target)
    for number in range(1, n_splits):
        rng = np.random.default_rng(seed + number)
        order = rng.permutation(len(rows))
        keys = [float(row[place] or "nan") if is_regression else row[place] for row in rows]
        order = order[np.argsort(np.array(keys)[order], kind="stable")]
        drawn = np.zeros(len(rows), bool)
        drawn[order[((np.arange(n_test) + rng.random()) / share).astype(np.intp)]] = True
        part = folder / str(number)
        part.mkdir()
        for file, kept in ((part / train.name, ~drawn), (part / test.name, drawn)):
            with file.open("w", encoding="utf-8", newline="") as opened:
                csv.writer(opened).writerows([head, *(rows[each] for each in np.flatnonzero(kept))])
        yield Tested(part / train.name, part / test.name, target, is_regression, number, share)


def copied(path: Path, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return Path(shutil.copy(path, folder / path.name))


def rows_of(path: Path) -> tuple[list[str], list[list[str]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        head, *rows = csv.reader(file)
    return head, rows

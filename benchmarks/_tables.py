"""Default tables of the benchmarks: data sets that scikit-learn ships."""

from __future__ import annotations

import json
from pathlib import Path


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

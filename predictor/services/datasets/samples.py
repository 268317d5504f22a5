"""Sample datasets to start with, most of them from scikit-learn; imported like any upload.

They are read from scikit-learn's folder without importing it, so that a web process stays small.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import NotFound, quoted
from ...models import Dataset
from . import airline_passengers, datasets

if TYPE_CHECKING:
    from ...models import User, Workspace

UCI = "CC BY 4.0"
MEASURES = (
    "radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity", "concave_points",
    "symmetry", "fractal_dimension",
)  # fmt: skip


@dataclass(frozen=True)
class Sample:
    """One sample table. `files` are scikit-learn's, `labels` are the texts for the numbers in its last column;
    a table of our own has `rows` instead."""

    key: str
    title: str
    summary: str
    target: str
    source: str
    licence: str
    columns: tuple[str, ...]
    files: tuple[str, ...]
    labels: tuple[str, ...] = ()
    has_header: bool = True
    delimiter: str = ","
    rows: tuple[tuple[str, ...], ...] = ()


SAMPLES = (
    Sample(
        key="iris",
        title="Iris",
        summary="150 flowers of three species, four measures of each. Predict the species.",
        target="species",
        source="R. A. Fisher, 1936; UCI Machine Learning Repository, doi:10.24432/C56C76",
        licence=UCI,
        columns=("sepal_length_cm", "sepal_width_cm", "petal_length_cm", "petal_width_cm", "species"),
        files=("iris.csv",),
        labels=("setosa", "versicolor", "virginica"),
    ),
    Sample(
        key="diabetes",
        title="Diabetes",
        summary="442 patients: age, sex, body mass index, blood pressure and six blood values. Predict how far the "
        "disease went a year later.",
        target="progression",
        source="B. Efron, T. Hastie, I. Johnstone, R. Tibshirani: Least Angle Regression, 2004",
        licence="Published with the paper; shipped with scikit-learn (BSD-3-Clause)",
        columns=("age", "sex", "bmi", "blood_pressure", "s1_tc", "s2_ldl", "s3_hdl", "s4_tch", "s5_ltg", "s6_glu",
                 "progression"),
        files=("diabetes_data_raw.csv.gz", "diabetes_target.csv.gz"),
        has_header=False,
        delimiter=" ",
    ),
    Sample(
        key="breast-cancer",
        title="Breast cancer",
        summary="569 tumours, thirty measures of their cell nuclei. Predict whether a tumour is malignant.",
        target="diagnosis",
        source="W. Wolberg, W. Street, O. Mangasarian, 1995; UCI Machine Learning Repository, doi:10.24432/C5DW2B",
        licence=UCI,
        columns=(*(f"{kind}_{each}" for kind in ("mean", "error", "worst") for each in MEASURES), "diagnosis"),
        files=("breast_cancer.csv",),
        labels=("malignant", "benign"),
    ),
    Sample(
        key="wine",
        title="Wine",
        summary="178 wines of three Italian growers, thirteen chemical measures. Predict the grower.",
        target="grower",
        source="S. Aeberhard, M. Forina, 1991; UCI Machine Learning Repository, doi:10.24432/C5PC7J",
        licence=UCI,
        columns=("alcohol", "malic_acid", "ash", "alcalinity_of_ash", "magnesium", "total_phenols", "flavanoids",
                 "nonflavanoid_phenols", "proanthocyanins", "color_intensity", "hue", "od280_od315", "proline",
                 "grower"),
        files=("wine_data.csv",),
        labels=("grower A", "grower B", "grower C"),
    ),
    Sample(
        key="digits",
        title="Handwritten digits",
        summary="1,797 images of 8 × 8 grey points. Predict the digit.",
        target="digit",
        source="E. Alpaydin, C. Kaynak, 1998; UCI Machine Learning Repository, doi:10.24432/C50P49",
        licence=UCI,
        columns=(*(f"row{row}_column{column}" for row in range(1, 9) for column in range(1, 9)), "digit"),
        files=("digits.csv.gz",),
        has_header=False,
    ),
    Sample(
        key="passengers",
        title="Airline passengers",
        summary="144 months of international flights, 1949 to 1960, in thousands. Forecast the year that comes.",
        target="passengers",
        source="G. Box, G. Jenkins, G. Reinsel: Time Series Analysis, Series G, 1976",
        licence="Facts, published with the book",
        columns=("month", "passengers"),
        files=(),
        rows=airline_passengers.rows(),
    ),
)  # fmt: skip


def add_sample(*, workspace: Workspace, key: str, by: User | None) -> Dataset:
    """Import a sample into this workspace; returns the existing dataset when it was added before.

    Raises NotFound.
    """
    sample = find_sample(key)
    return datasets.import_csv(
        workspace=workspace,
        source=io.BytesIO(sample_csv(sample)),
        filename=f"{sample.key}.csv",
        name=sample.title,
        by=by,
        origin=sample.source,
        licence=sample.licence,
    )


def find_sample(key: str) -> Sample:
    """The sample of this key. Raises NotFound."""
    for sample in SAMPLES:
        if sample.key == key:
            return sample
    raise NotFound(f"There is no sample {quoted(key)}.")


def sample_csv(sample: Sample) -> bytes:
    """The table as a CSV file with a header; always the same bytes."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(sample.columns)
    if sample.rows:
        writer.writerows(sample.rows)
        return text.getvalue().encode()
    tables = [_lines(_folder() / name, sample) for name in sample.files]
    for parts in zip(*tables, strict=True):
        cells = [_number(cell) for part in parts for cell in part]
        if sample.labels:
            cells[-1] = sample.labels[int(cells[-1])]
        writer.writerow(cells)
    return text.getvalue().encode()


def _lines(path: Path, sample: Sample) -> Sequence[Sequence[str]]:
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("ascii")
    lines = list(csv.reader(io.StringIO(text), delimiter=sample.delimiter))
    return lines[1:] if sample.has_header else lines


def _number(cell: str) -> str:
    """The number in its shortest form: 151 where the file has 1.510000000000000000e+02."""
    value = float(cell)
    return str(int(value)) if value.is_integer() else repr(value)


def _folder() -> Path:
    spec = find_spec("sklearn")
    places = spec.submodule_search_locations if spec else None
    if not places:
        raise NotFound("The bundled tables come with scikit-learn, which is not installed.")
    return Path(places[0]) / "datasets" / "data"

from __future__ import annotations

import csv
import io

import numpy as np
import pandas as pd
import pytest

from predictor.errors import NotFound
from predictor.models import User, Workspace
from predictor.services.datasets import airline_passengers, samples


def test_samples_have_what_the_page_shows() -> None:
    assert len({sample.key for sample in samples.SAMPLES}) == len(samples.SAMPLES) >= 4
    for sample in samples.SAMPLES:
        assert sample.title
        assert sample.summary
        assert sample.source
        assert sample.licence
        assert sample.target in sample.columns


@pytest.mark.parametrize(
    ("key", "loader"),
    [
        ("iris", "load_iris"),
        ("wine", "load_wine"),
        ("breast-cancer", "load_breast_cancer"),
        ("diabetes", "load_diabetes"),
        ("digits", "load_digits"),
    ],
)
def test_a_sample_is_the_table_that_scikit_learn_loads(key: str, loader: str) -> None:
    from sklearn import datasets as bundled

    sample = samples.find_sample(key)
    header, *rows = list(csv.reader(io.StringIO(samples.sample_csv(sample).decode())))
    known = getattr(bundled, loader)(**({"scaled": False} if key == "diabetes" else {}))
    assert tuple(header) == sample.columns
    assert np.allclose(np.array([row[:-1] for row in rows], dtype=float), known.data)
    targets = [sample.labels.index(row[-1]) if sample.labels else float(row[-1]) for row in rows]
    assert np.allclose(targets, known.target)


def test_a_sample_is_imported_once_with_its_source(workspace: Workspace, member: User) -> None:
    dataset = samples.add_sample(workspace=workspace, key="iris", by=member)
    assert (dataset.name, dataset.n_rows, dataset.filename) == ("Iris", 150, "iris.csv")
    assert "Fisher" in dataset.source
    assert dataset.licence
    assert samples.add_sample(workspace=workspace, key="iris", by=member) == dataset
    with pytest.raises(NotFound):
        samples.add_sample(workspace=workspace, key="nope", by=member)


@pytest.mark.parametrize("sample", samples.SAMPLES, ids=lambda sample: sample.key)
def test_a_sample_has_as_many_rows_as_its_summary_says_and_no_gaps(sample: samples.Sample) -> None:
    content = samples.sample_csv(sample)

    table = pd.read_csv(io.BytesIO(content))
    n_rows = int(sample.summary.split()[0].replace(",", ""))
    assert table.shape == (n_rows, len(sample.columns))
    assert not table.isna().to_numpy().any()
    assert samples.sample_csv(sample) == content


def test_a_table_of_our_own_is_written_as_it_is() -> None:
    content = samples.sample_csv(samples.find_sample("passengers")).decode()

    head, *lines = content.splitlines()
    assert head == "month,passengers"
    assert [tuple(line.split(",")) for line in lines] == list(airline_passengers.rows())


@pytest.mark.parametrize(
    ("cell", "number"),
    [("1.510000000000000000e+02", "151"), ("5.1", "5.1"), ("-0.5e-3", "-0.0005"), ("0", "0"), ("-4.0", "-4")],
)
def test_numbers_are_written_in_their_shortest_form(cell: str, number: str) -> None:
    assert samples._number(cell) == number


def test_an_unknown_sample_is_named() -> None:
    with pytest.raises(NotFound, match="There is no sample “iris2”"):
        samples.find_sample("iris2")


def test_without_scikit_learn_only_tables_of_our_own_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "find_spec", lambda name: None)

    assert samples.sample_csv(samples.find_sample("passengers"))
    with pytest.raises(NotFound, match="come with scikit-learn, which is not installed"):
        samples.sample_csv(samples.find_sample("iris"))

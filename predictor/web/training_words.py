"""What the train form and the pages of runs call tasks, efforts and splits."""

from __future__ import annotations

from ..ml.types.schema import Task
from ..ml.types.split import SplitKind

TASK_TITLES = {
    Task.REGRESSION: "A number (regression)",
    Task.BINARY: "One of two classes",
    Task.MULTICLASS: "One of several classes",
    Task.CLUSTERING: "Groups of similar rows (clustering)",
    Task.ANOMALY: "Which rows are unusual (anomaly detection)",
    Task.FORECASTING: "What comes next in time (forecasting)",
}
AUTO_SUMMARY = (
    "Tries several estimators within the time budget, tests each on rows that it has not seen, and keeps the "
    "best one or a blend of them. A good choice when you do not want to decide."
)
AUTO_CLUSTERS = (
    "Looks for clusters by k-means and, where every column is a number, by Gaussian mixtures; proposes how many there "
    "are, and keeps the method whose clusters come again most surely in parts of the rows."
)
OWN, OWN_TITLE = "own", "As many seconds as I say"
EFFORT_TITLES = {
    "quick": "Quick (10 seconds)",
    "standard": "Standard (1 minute)",
    "thorough": "Thorough (10 minutes)",
}
SPLIT_TITLES = {
    SplitKind.RANDOM: "On rows drawn at random",
    SplitKind.TIME: "On later rows, by “{}”",
    SplitKind.GROUP: "On whole groups of “{}” that it never saw",
}

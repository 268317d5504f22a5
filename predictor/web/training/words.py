"""Names of tasks, efforts and splits on the training form and on the pages of runs."""

from __future__ import annotations

from django.utils.translation import gettext_lazy

from ...ml.types.schema import Task
from ...ml.types.split import SplitKind

TASK_TITLES = {
    Task.REGRESSION: gettext_lazy("A number (regression)"),
    Task.BINARY: gettext_lazy("One of two classes"),
    Task.MULTICLASS: gettext_lazy("One of several classes"),
    Task.CLUSTERING: gettext_lazy("Groups of similar rows (clustering)"),
    Task.ANOMALY: gettext_lazy("Which rows are unusual (anomaly detection)"),
    Task.FORECASTING: gettext_lazy("What comes next in time (forecasting)"),
}
AUTO_SUMMARY = gettext_lazy(
    "Tries several estimators within the time budget, tests each on rows that it has not "
    "seen, and keeps the best one or a blend of them. A good choice when you do not want "
    "to decide."
)
AUTO_CLUSTERS = gettext_lazy(
    "Looks for clusters by k-means and, where every column is a number, by Gaussian mixtures. It "
    "proposes their number and keeps the method whose clusters are found again most reliably in "
    "parts of the rows."
)
OWN, OWN_TITLE = "own", gettext_lazy("As many seconds as I say")
EFFORT_TITLES = {
    "quick": gettext_lazy("Quick (10 seconds)"),
    "standard": gettext_lazy("Standard (1 minute)"),
    "thorough": gettext_lazy("Thorough (10 minutes)"),
}
SPLIT_TITLES = {
    SplitKind.RANDOM: gettext_lazy("On rows drawn at random"),
    SplitKind.TIME: gettext_lazy("On later rows, by “{}”"),
    SplitKind.GROUP: gettext_lazy("On whole groups of “{}” that it never saw"),
}

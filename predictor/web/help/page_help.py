"""The help of each page: what it is for, what to do next, and the terms that it uses."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from .glossary import GLOSSARY, Term, Text


@dataclass(frozen=True)
class Help:
    """The help of one or more pages. `names`: the beginnings of their URL names."""

    key: str
    title: Text
    purpose: tuple[Text, ...]
    next: tuple[Text, ...]
    term_keys: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def terms(self) -> list[Term]:
        return [GLOSSARY[key] for key in self.term_keys]


HELP: tuple[Help, ...] = (
    Help(
        "overview",
        _("Overview"),
        (
            _("This page shows the models of a workspace and how often they are asked."),
            _("It lists what runs now and what needs a person, such as a failed run."),
            _("Each name leads to the page with the details."),
        ),
        (
            _("Upload a table, or open a model and predict."),
            _("Press Ctrl+K to go to any dataset, model or page."),
        ),
        ("workspace", "model", "champion", "prediction-log"),
        ("home", "workspace"),
    ),
    Help(
        "datasets",
        _("Datasets"),
        (
            _("This page lists the tables of the workspace."),
            _("Click a column’s head to sort; search by name, or filter by tag."),
            _("Deleted datasets stay in the trash for some days."),
        ),
        (_("Upload a table, or open one and train a model on it."),),
        ("dataset", "row", "column", "trash"),
        ("dataset-list",),
    ),
    Help(
        "upload",
        _("Upload a table"),
        (
            _("Upload a file with one row for each case and one column for each property."),
            _("Encoding, delimiter, types and missing values are found by themselves."),
            _("The original file stays available, unchanged."),
        ),
        (
            _("Choose a file, then check what was found in its columns."),
            _("No file at hand? Begin with a sample."),
        ),
        ("dataset", "encoding", "delimiter", "missing-value"),
        ("dataset-upload", "dataset-sample"),
    ),
    Help(
        "dataset",
        _("A dataset"),
        (
            _("This page shows the first rows of a table and what was found in each column."),
            _("Warnings name columns that may be read wrongly."),
            _("You can change how a column is read; the file itself stays as it is."),
        ),
        (
            _("Check the columns with warnings, then train a model."),
            _("Add a note and tags, so that others know the table."),
        ),
        ("role", "reading", "missing-value", "identifier", "schema"),
        ("dataset", "column", "reading"),
    ),
    Help(
        "rows",
        _("Rows of a dataset"),
        (
            _("This page shows all rows: sort, filter and search them."),
            _("The address keeps the filters, so that you can send it to others."),
            _("Download what is shown as CSV or XLSX."),
        ),
        (_("Filter by a column’s head, or choose which columns are shown."),),
        ("row", "column", "missing-value", "outlier"),
        ("dataset-rows",),
    ),
    Help(
        "delete",
        _("Delete a dataset"),
        (
            _("A deleted dataset goes to the trash of the workspace."),
            _("It is gone from lists and from the API at once."),
            _("Admins can restore it, until the trash is emptied."),
        ),
        (_("Check the name, then delete. The message after it offers Undo."),),
        ("trash", "dataset"),
        ("dataset-delete",),
    ),
    Help(
        "train",
        _("Train a model"),
        (
            _("Choose the column to predict; everything else has a sensible setting."),
            _("Some rows are held out to judge the model honestly."),
            _("Auto tries several estimators within the budget and keeps the best."),
        ),
        (_("Choose the target, name the model and start."), _("You get a notice when the run ends.")),
        (
            "target",
            "feature",
            "task",
            "estimator",
            "auto",
            "budget",
            "split",
            "target-leakage",
            "positive-class",
            "threshold",
        ),
        ("training-run-create",),
    ),
    Help(
        "runs",
        _("Training runs"),
        (
            _("This page lists the training runs of the workspace, the newest first."),
            _("Each successful run adds a version to its model."),
            _("A failed run says why on its page."),
        ),
        (_("Open a run to follow it, or to start it again with other settings."),),
        ("training-run", "estimator", "worker"),
        ("training-run-list", "activity"),
    ),
    Help(
        "run",
        _("A training run"),
        (
            _("This page follows a run while it works and shows what it has tried."),
            _("The leaderboard orders the candidates by their score on rows that they had not seen."),
            _("You may leave the page: the run goes on."),
        ),
        (
            _("Wait for the end, then read the report of the new version."),
            _("Cancel it, or start it again with other settings."),
        ),
        (
            "leaderboard",
            "cross-validation",
            "fold",
            "ensemble",
            "hyperparameter",
            "out-of-fold-prediction",
            "seed",
        ),
        ("training", "run"),
    ),
    Help(
        "models",
        _("Models"),
        (
            _("This page lists the models of the workspace with the version that serves."),
            _("The score says how good the champion was on held-out rows."),
            _("The overview shows how often each model was asked."),
        ),
        (_("Open a model to compare its versions, or predict with it."),),
        ("model", "version", "champion", "metric"),
        ("model-list",),
    ),
    Help(
        "model",
        _("A model"),
        (
            _("The Summary says how good the version is that serves, and why."),
            _("The champion answers when a caller names no version."),
            _("Versions compares and promotes, Monitor counts predictions, API shows the calls."),
        ),
        (
            _("Compare versions, then promote the better one."),
            _("Write a description for those who use the model."),
        ),
        ("version", "alias", "champion", "promote", "roll-back", "archive", "latency", "drift"),
        ("model", "alias"),
    ),
    Help(
        "version",
        _("A model version"),
        (
            _("The Summary says how good a version is on rows that it had not seen."),
            _("The bars beside it show what guessing and a simple model reach."),
            _("Charts has all metrics, Explain the columns, Data and Details the rest."),
        ),
        (
            _("Read the verdict and the warnings first."),
            _("If the version is good enough, promote it and predict."),
        ),
        (
            "baseline",
            "held-out-rows",
            "confidence-interval",
            "auc",
            "log-loss",
            "precision",
            "recall",
            "f1",
            "confusion-matrix",
            "calibration",
            "mae",
            "rmse",
            "r2",
            "residual",
            "slice",
            "learning-curve",
            "importance",
            "partial-dependence",
            "gain",
            "lift",
        ),
        ("version",),
    ),
    Help(
        "card",
        _("Model card"),
        (
            _("The card sums a version up for those who rely on it."),
            _("It names purpose, data, quality, limits and warnings."),
            _("Download it as Markdown to keep it with your documents."),
        ),
        (_("Write what the model is for, and what it must not be used for."),),
        ("model-card", "signature", "artifact", "onnx"),
        ("version-card",),
    ),
    Help(
        "compare",
        _("Compare versions"),
        (
            _("This page compares up to ten versions on the same metrics."),
            _("Where both were judged on the same rows, the difference has an interval."),
            _("A difference whose interval holds 0 is not clear."),
        ),
        (_("Choose two versions; promote the better one."),),
        ("metric", "confidence-interval", "held-out-rows", "promote"),
        ("version-compare",),
    ),
    Help(
        "threshold",
        _("Change the threshold"),
        (
            _("A lower threshold finds more of the positive class, with more false alarms."),
            _("Nothing is fitted again: the new version shares the estimators."),
            _("The choice is made on out-of-fold predictions."),
        ),
        (_("Choose what matters more, then make a version with this threshold."),),
        ("threshold", "positive-class", "precision", "recall", "out-of-fold-prediction"),
        ("version-threshold",),
    ),
    Help(
        "predict",
        _("Predict"),
        (
            _("Fill in one row and get the prediction with its reasons."),
            _("The form begins with a typical row."),
            _("Each prediction is stored in the log; what-if questions are not."),
        ),
        (
            _("Change values and predict again, or ask what would change the answer."),
            _("For many rows, upload a file."),
        ),
        (
            "prediction",
            "probability",
            "prediction-interval",
            "shapley-value",
            "what-if",
            "counterfactual",
            "nearest-examples",
        ),
        (
            "predict",
            "what-if",
            "counterfactuals",
        ),
    ),
    Help(
        "form",
        _("The form and its links"),
        (
            _("The settings name the fields, order them, and limit their values."),
            _("A link opens the form to everybody who has it, without an account."),
            _("You can close, open or revoke each link."),
        ),
        (
            _("Set labels and allowed values, then publish a link."),
            _("Look at the answers in the log."),
        ),
        ("signature", "prediction", "prediction-log"),
        ("form", "published-form", "linked-form"),
    ),
    Help(
        "forecast",
        _("Forecast"),
        (
            _("This page predicts the next values of a series."),
            _("The band shows where the actual values probably lie."),
            _("The further ahead, the wider the band."),
        ),
        (_("Choose how many steps ahead, then download the forecast."),),
        ("forecast", "horizon", "prediction-interval", "mase"),
        ("forecast",),
    ),
    Help(
        "files",
        _("Predict a file"),
        (
            _("Upload a file of rows and get the same file with predictions."),
            _("Small files are answered at once; large ones become a batch."),
            _("Results of batches stay for some days."),
        ),
        (_("Choose a file with the columns that the model knows."), _("You get a notice when a batch ends.")),
        ("batch", "signature", "prediction", "worker"),
        ("predict-csv", "batch"),
    ),
    Help(
        "log",
        _("Prediction log"),
        (
            _("This page lists every prediction with its input, answer and caller."),
            _("Filter by model, time and source, or search by request."),
            _("Export what is shown as a file."),
        ),
        (_("Open a row to see its input and its reasons."),),
        ("prediction-log", "latency", "drift", "probability"),
        ("prediction",),
    ),
    Help(
        "actuals",
        _("Actual values"),
        (
            _("This page takes files of what really happened."),
            _("Each value belongs to one prediction of the log."),
            _("The last value of a prediction counts; a correction does not delete the earlier one."),
        ),
        (
            _("Upload a CSV with the columns “prediction” and “value”."),
            _("Look at Monitor of a model: it compares predictions with actual values."),
        ),
        ("prediction-log",),
        ("actuals",),
    ),
    Help(
        "members",
        _("Members"),
        (
            _("This page lists the people of the workspace with their roles."),
            _("Admins add people, change roles and remove people."),
            _("A new person gets a link to choose a password."),
        ),
        (_("Add a person with the smallest role that is enough."),),
        ("workspace", "workspace-role"),
        ("member", "invitation", "workspace-create"),
    ),
    Help(
        "account",
        _("Your account"),
        (
            _("Here you change your password, two-step sign-in and tokens."),
            _("A token lets a program act as you, within its scopes."),
            _("A token is shown only once."),
        ),
        (_("Make a token for each program, with the smallest scope that is enough."),),
        ("token", "scope"),
        ("token", "address", "account", "mfa", "settings", "set-language", "set_language", "language", "api"),
    ),
    Help(
        "notices",
        _("Notices"),
        (
            _("You get a notice when a run or a batch that you started ends."),
            _("Comments in discussions that you take part in also give a notice."),
            _("Old notices are removed after 90 days."),
        ),
        (
            _("Open a notice to see the result, or mark all as read."),
            _("Choose under Settings which notices also come by mail."),
        ),
        ("training-run", "batch"),
        ("notice", "comment"),
    ),
    Help(
        "trash",
        _("Trash"),
        (
            _("Deleted datasets stay here for some days."),
            _("They take space until they are deleted for good."),
            _("Restored datasets are back in all lists at once."),
        ),
        (_("Restore a dataset, or delete it for good. Admins only."),),
        ("trash", "dataset"),
        ("trash",),
    ),
    Help(
        "search",
        _("Search and help"),
        (
            _("Search finds datasets, models, versions, runs, batches and pages."),
            _("Press Ctrl+K on any page to open it."),
            _("The glossary explains each term once."),
        ),
        (_("Type a part of a name, or the number of a run."),),
        (),
        ("search", "help", "glossary", "keys", "first-steps", "labels"),
    ),
)

BY_KEY = {each.key: each for each in HELP}
_BY_NAME = {name: each for each in HELP for name in each.names}


def help_of(url_name: str) -> Help | None:
    """The help of a page: the one with the longest beginning of its URL name."""
    matching = [name for name in _BY_NAME if url_name.startswith(name)]
    return _BY_NAME[max(matching, key=len)] if matching else None

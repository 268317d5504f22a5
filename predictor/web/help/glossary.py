"""The glossary: each term of the field explained once. Pages link to it by `{% term "log-loss" %}`."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

Text = str | Promise


@dataclass(frozen=True)
class Term:
    """A term with its meaning. `key` names it in templates and in addresses."""

    key: str
    name: Text
    meaning: Text

    @property
    def anchor(self) -> str:
        return f"term-{slugify(self.key)}"

    @property
    def searched(self) -> str:
        """What the search looks in: the English term, too, by which readers of each language find it."""
        return f"{self.key.replace('-', ' ')} {self.name} {self.meaning}".casefold()


def _terms(*terms: tuple[str, Text, Text]) -> dict[str, Term]:
    return {key: Term(key, name, meaning) for key, name, meaning in terms}


DATA = _terms(
    (
        "dataset",
        _("Dataset"),
        _("An uploaded table: its original file, its rows and what was found in its columns."),
    ),
    ("column", _("Column"), _("One property of all rows, with a name, a type and a role.")),
    ("row", _("Row"), _("One case, such as a customer, a house or a day.")),
    (
        "role",
        _("Role"),
        _("What a column is used as: number, category, date, text, yes or no, or identifier."),
    ),
    (
        "reading",
        _("Reading"),
        _("How the cells of a column become values, such as the decimal mark or the date form."),
    ),
    (
        "missing-value",
        _("Missing value"),
        _("A cell without a value: empty, or a word that means “unknown”."),
    ),
    (
        "identifier",
        _("Identifier"),
        _("A column that names each row, such as a number of a customer. Models ignore it."),
    ),
    ("category", _("Category"), _("One of a limited number of values without an order, such as a city.")),
    ("outlier", _("Outlier"), _("A value far from all others of its column.")),
    ("schema", _("Schema"), _("The columns of a table with their types and roles.")),
    ("encoding", _("Encoding"), _("How a file stores letters as bytes, such as UTF-8.")),
    ("delimiter", _("Delimiter"), _("The character between two cells of a line, such as a comma.")),
    (
        "parquet",
        _("Parquet"),
        _("A file format for tables that stores columns with their types, compressed."),
    ),
)

TRAINING = _terms(
    ("target", _("Target"), _("The column that a model predicts.")),
    ("feature", _("Feature"), _("A column that a model predicts from.")),
    (
        "task",
        _("Task"),
        _("The kind of question: a number, one of some classes, a forecast, groups or unusual rows."),
    ),
    ("regression", _("Regression"), _("Predicting a number, such as a price.")),
    (
        "classification",
        _("Classification"),
        _("Predicting one of some classes, such as “stays” or “leaves”."),
    ),
    ("class", _("Class"), _("One of the values that a classification can predict.")),
    (
        "positive-class",
        _("Positive class"),
        _("Of two classes, the one that you look for, such as “leaves”."),
    ),
    ("forecast", _("Forecast"), _("Predicting the next values of a series of dates.")),
    ("horizon", _("Horizon"), _("How many steps into the future a forecast reaches.")),
    ("clustering", _("Clustering"), _("Finding groups of similar rows, without a target.")),
    ("anomaly", _("Anomaly"), _("A row that is unlike the others.")),
    (
        "training-run",
        _("Training run"),
        _("One attempt to learn a target from a dataset. It ends in a model version."),
    ),
    ("estimator", _("Estimator"), _("A method of learning, such as a random forest.")),
    ("hyperparameter", _("Hyperparameter"), _("A setting of an estimator that is chosen before it learns.")),
    ("auto", _("Auto"), _("Tries several estimators within the budget and keeps or combines the best.")),
    ("budget", _("Budget"), _("How long a training run may take.")),
    ("leaderboard", _("Leaderboard"), _("The candidates of a training run, best first.")),
    ("ensemble", _("Ensemble"), _("Several fitted models that predict together, as a weighted mean.")),
    (
        "cross-validation",
        _("Cross-validation"),
        _("Each part of the rows judges a model that was fitted on the other parts."),
    ),
    ("fold", _("Fold"), _("One part of the rows in a cross-validation.")),
    (
        "split",
        _("Split"),
        _("Which rows are held out to judge the model: at random, the latest, or whole groups."),
    ),
    (
        "held-out-rows",
        _("Held-out rows"),
        _("Rows that the model has not seen. They show how it does on new ones."),
    ),
    (
        "out-of-fold-prediction",
        _("Out-of-fold prediction"),
        _("A prediction for a row by a model that was fitted without it."),
    ),
    ("overfitting", _("Overfitting"), _("A model repeats its training rows and fails on new ones.")),
    (
        "target-leakage",
        _("Target leakage"),
        _("A column gives the target away, but is not known when you predict."),
    ),
    ("seed", _("Seed"), _("The number that random choices begin with. The same seed repeats them.")),
    ("worker", _("Worker"), _("The process that trains and predicts batches.")),
)

EVALUATION = _terms(
    ("metric", _("Metric"), _("A number that says how good predictions are.")),
    (
        "baseline",
        _("Baseline"),
        _("A simple guess to compare with, such as the mean or the most frequent class."),
    ),
    ("accuracy", _("Accuracy"), _("The share of rows whose class was predicted correctly.")),
    (
        "balanced-accuracy",
        _("Balanced accuracy"),
        _("The mean of the recalls of all classes. Rare classes count as much as frequent ones."),
    ),
    ("precision", _("Precision"), _("Of the rows predicted as the class, the share that belong to it.")),
    ("recall", _("Recall"), _("Of the rows of the class, the share that were found.")),
    ("f1", _("F1 score"), _("The harmonic mean of precision and recall.")),
    ("roc-curve", _("ROC curve"), _("Recall against the false positive rate, for all thresholds.")),
    (
        "auc",
        _("AUC"),
        _(
            "How often a row of the class gets a higher probability than another row. 0.5 is a guess, 1 is perfect."
        ),
    ),
    ("average-precision", _("Average precision"), _("The area under the curve of precision against recall.")),
    (
        "log-loss",
        _("Log-loss"),
        _("How far the probabilities are from the truth. It punishes confident errors; smaller is better."),
    ),
    (
        "brier-score",
        _("Brier score"),
        _("The mean squared distance of probabilities from the truth; smaller is better."),
    ),
    (
        "confusion-matrix",
        _("Confusion matrix"),
        _("How many rows of each class were predicted as which class."),
    ),
    (
        "mae",
        _("MAE"),
        _("Mean absolute error: how far predictions are off on average, in the unit of the target."),
    ),
    ("rmse", _("RMSE"), _("Root mean squared error: as MAE, but large errors count more.")),
    (
        "r2",
        _("R²"),
        _(
            "The share of the target’s variance that the model explains. 1 is perfect, 0 is no better than the mean."
        ),
    ),
    (
        "mase",
        _("MASE"),
        _(
            "The error of a forecast divided by that of repeating the last values. Below 1 is better than repeating."
        ),
    ),
    ("residual", _("Residual"), _("The predicted value minus the actual one.")),
    (
        "calibration",
        _("Calibration"),
        _("Probabilities are calibrated when, of rows with 70 %, about 70 of 100 are of the class."),
    ),
    ("threshold", _("Decision threshold"), _("From this probability on, the positive class is predicted.")),
    (
        "confidence-interval",
        _("Confidence interval"),
        _("The range in which a metric probably lies; with few rows it is wide."),
    ),
    (
        "prediction-interval",
        _("Prediction interval"),
        _("The range in which the actual value lies with a given probability."),
    ),
    ("coverage", _("Coverage"), _("The share of actual values that lie within their intervals.")),
    ("slice", _("Slice"), _("A part of the rows, such as one city, that is judged by itself.")),
    (
        "learning-curve",
        _("Learning curve"),
        _("How good the model is with fewer rows. It shows whether more rows would help."),
    ),
    ("gain", _("Gain"), _("Which share of the class you reach when you take the most probable rows first.")),
    ("lift", _("Lift"), _("How many times more rows of the class you reach than at random.")),
    ("silhouette", _("Silhouette"), _("How well clusters are separated, from −1 to 1.")),
)

EXPLANATION = _terms(
    (
        "importance",
        _("Permutation importance"),
        _("How much worse the model gets when the values of a column are shuffled."),
    ),
    ("shapley-value", _("Shapley value"), _("How much each value of a row moved its prediction up or down.")),
    (
        "partial-dependence",
        _("Partial dependence"),
        _("How the prediction changes on average with the value of one column."),
    ),
    (
        "counterfactual",
        _("Counterfactual"),
        _("The smallest change of a row that leads to another prediction."),
    ),
    ("nearest-examples", _("Nearest examples"), _("The training rows that are most similar to a row.")),
    (
        "what-if",
        _("What-if"),
        _("Changing values of a row to see how its prediction changes. It is not logged."),
    ),
)

SERVING = _terms(
    ("model", _("Model"), _("A name that callers use, with numbered versions.")),
    ("version", _("Model version"), _("A numbered result of a training run. It never changes.")),
    (
        "alias",
        _("Alias"),
        _("A name for one version of a model, such as champion. You can point it at another version."),
    ),
    ("champion", _("Champion"), _("The alias of the version that answers when a caller names none.")),
    ("promote", _("Promote"), _("To point an alias, usually champion, at another version.")),
    ("roll-back", _("Roll back"), _("To point an alias at the version before.")),
    ("archive", _("Archive"), _("To take a version out of service. It stays readable.")),
    ("model-card", _("Model card"), _("A summary of a version: purpose, data, quality and limits.")),
    ("artifact", _("Artifact"), _("A stored file of a version.")),
    ("onnx", _("ONNX"), _("An open file format for models. Many programs can run it.")),
    ("signature", _("Signature"), _("The fields that a version expects, with their types.")),
    ("prediction", _("Prediction"), _("The answer of a version for one row.")),
    ("probability", _("Probability"), _("How likely the model finds a class, from 0 to 100 %.")),
    ("batch", _("Batch"), _("A file of rows that a worker predicts in the background.")),
    (
        "prediction-log",
        _("Prediction log"),
        _("The list of all predictions, with their input, answer and caller."),
    ),
    ("drift", _("Drift"), _("Rows differ more and more from those that the model was trained on.")),
    ("latency", _("Latency"), _("How long an answer takes, in milliseconds.")),
    ("token", _("API token"), _("A key with which a program acts as you, within scopes.")),
    ("scope", _("Scope"), _("What a token may do: read, predict or write.")),
    (
        "workspace",
        _("Workspace"),
        _("A team’s own datasets, models and predictions. Only its members see them."),
    ),
    (
        "workspace-role",
        _("Role in a workspace"),
        _("Viewers read and predict, members also upload and train, admins also add people and delete."),
    ),
    ("trash", _("Trash"), _("Where deleted things stay for some days, so that they can be restored.")),
)

SECTIONS: dict[str, tuple[Text, dict[str, Term]]] = {
    "data": (_("Data"), DATA),
    "training": (_("Training"), TRAINING),
    "evaluation": (_("Evaluation"), EVALUATION),
    "explanation": (_("Explanation"), EXPLANATION),
    "serving": (_("Models and predictions"), SERVING),
}
GLOSSARY: dict[str, Term] = {key: term for _title, terms in SECTIONS.values() for key, term in terms.items()}


def matching(text: str) -> list[tuple[str, Text, list[Term]]]:
    """The sections with the terms whose name or meaning contains the text."""
    wanted = text.casefold()
    found = [
        (key, title, [each for each in terms.values() if wanted in each.searched])
        for key, (title, terms) in SECTIONS.items()
    ]
    return [section for section in found if section[2]]

"""The field of the training form that shows a service error."""

from __future__ import annotations

from . import form_forecast

# The field of a service error, by the first words of its message.
PLACES = (
    ("The time budget", "budget_seconds"),
    ("There is no effort", "effort"),
    ("The seed", "seed"),
    ("A registered model needs a name", "registered_model"),
    ("No free address was found for a model", "registered_model"),
    ("There is no task", "task"),
    ("There is no estimator", "estimator"),
    ("Auto chooses", "estimator"),
    ("There is no column role", None),
    ("There is no split", "split"),
    ("The split", "split"),
    ("A split at random", "split"),
    ("In such a split", "split"),
    *form_forecast.PLACES,
)


def field_errors(message: str) -> list[str | None]:
    """The fields that an error may be about, the most likely first. None is the whole form; empty: not known."""
    return [field for words, field in PLACES if message.startswith(words)]

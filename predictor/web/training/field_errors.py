"""Where in the train form a refusal of the service is shown."""

from __future__ import annotations

from . import form_forecast

# Which field a refusal of the service is about, by the words it begins with.
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


def places_of(message: str) -> list[str | None]:
    """The fields that a sentence may be about, the likeliest first: None is the whole form. Empty: not known."""
    return [field for words, field in PLACES if message.startswith(words)]

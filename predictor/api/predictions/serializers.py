"""Serializers of predictions and log rows, also for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field, inline_serializer
from rest_framework import serializers

from ...models import PredictionLog, PredictionSource
from ...services.predictions.nearest_examples import MAX_NEAREST
from ...services.predictions.prediction import Prediction, PredictionResponse
from ..uploads import LineOptionsSerializer

SCALAR = {"type": ["string", "number", "boolean", "null"]}


@extend_schema_field(SCALAR)
class ScalarField(serializers.JSONField):
    pass


@extend_schema_field({"oneOf": [{"type": "integer"}, {"type": "string"}]})
class VersionField(serializers.JSONField):
    pass


@extend_schema_field(
    {"oneOf": [{"type": "boolean"}, {"type": "integer", "minimum": 0, "maximum": MAX_NEAREST}]}
)
class NearestField(serializers.JSONField):
    pass


class PredictionRequestSerializer(serializers.Serializer[Any]):
    """Rows as objects (`rows`), or once the names (`columns`) and then the values (`data`); for a forecasting
    version also the next periods (`horizon`) of all its series, or of one (`group`)."""

    rows = serializers.ListField(child=serializers.DictField(child=ScalarField()), required=False)
    columns = serializers.ListField(child=serializers.CharField(), required=False)
    data = serializers.ListField(child=serializers.ListField(child=ScalarField()), required=False)
    horizon = serializers.IntegerField(
        required=False, allow_null=True, help_text="Of a forecast: how many periods, instead of rows."
    )
    group = serializers.CharField(required=False, allow_null=True, help_text="The series; else all.")
    history = serializers.ListField(
        child=serializers.DictField(child=ScalarField()),
        required=False,
        allow_null=True,
        help_text="Of a forecast: newer values than it was trained on, as rows with date, series and value.",
    )
    future = serializers.ListField(
        child=serializers.DictField(child=ScalarField()),
        required=False,
        allow_null=True,
        help_text="Beside a horizon: values of the columns that are known in advance, as rows with date, series and "
        "these columns.",
    )
    quantiles = serializers.ListField(
        child=serializers.FloatField(min_value=0.005, max_value=0.995),
        required=False,
        allow_null=True,
        max_length=9,
        help_text="Of a forecast: the probabilities of quantiles, such as 0.5 and 0.95.",
    )
    version = VersionField(required=False, allow_null=True, help_text="A number or an alias; else champion.")
    strict = serializers.BooleanField(default=False, help_text="Refuse rows with warnings (422).")
    explain = serializers.BooleanField(default=False, help_text="Say what each column added to the answer.")
    nearest = NearestField(
        required=False,
        help_text="So many training rows most like the row; true for 5. Needs the scope read, too.",
    )
    coverage = serializers.FloatField(
        required=False,
        allow_null=True,
        min_value=0.5,
        max_value=0.99,
        help_text="Of the intervals and sets; 0.9 unless said.",
    )


class CsvRequestSerializer(LineOptionsSerializer):
    """A CSV file to predict, and what the caller says about it; what is left out is found."""

    file = serializers.FileField()
    version = serializers.CharField(required=False)
    strict = serializers.BooleanField(required=False)
    coverage = serializers.FloatField(
        required=False, min_value=0.5, max_value=0.99, help_text="Of the intervals and sets; 0.9 unless said."
    )
    encoding = serializers.CharField(required=False)
    delimiter = serializers.CharField(required=False)
    decimal = serializers.ChoiceField([".", ","], required=False)
    skip_bad_rows = serializers.BooleanField(required=False)


class WarningSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="missing, unseen, out_of_range, coerced or extra")
    column = serializers.CharField()
    message = serializers.CharField()


class IntervalSerializer(serializers.Serializer[Any]):
    """Holds the true value with a probability of `coverage`."""

    low = serializers.FloatField()
    high = serializers.FloatField()
    coverage = serializers.FloatField()


class PredictionSetSerializer(serializers.Serializer[Any]):
    """Holds the true class with a probability of `coverage`. Empty: more doubtful than most that are right."""

    classes = serializers.ListField(child=ScalarField())
    coverage = serializers.FloatField()


ExplanationSerializer = inline_serializer(
    "Explanation",
    {
        "base": serializers.FloatField(
            help_text="The mean answer over the training rows; of older versions, over some of them."
        ),
        "class": ScalarField(allow_null=True, help_text="Whose probability is explained; null for a value."),
        "contributions": serializers.DictField(
            child=serializers.FloatField(), help_text="Largest first; with base they sum to the answer."
        ),
    },
)


class NearSerializer(serializers.Serializer[Any]):
    """A row of training that is like the row asked for, with its actual target."""

    distance = serializers.FloatField(help_text="0 for an equal row, 1 for one that differs in every column.")
    row = serializers.DictField(child=ScalarField())
    target = ScalarField()


class PredictionSerializer(serializers.Serializer[Any]):
    """One row's answer. `probabilities` and `set` for classification, `probabilities` for clustering, `score` for
    anomaly detection, `interval` for regression, `explanation` when asked for, `error` when the model had no
    answer."""

    id = serializers.UUIDField()
    prediction = ScalarField()
    probabilities = serializers.DictField(child=serializers.FloatField(), required=False)
    score = serializers.FloatField(
        required=False, help_text="The share of rows like those of training that are less unusual."
    )
    interval = IntervalSerializer(required=False)
    set = PredictionSetSerializer(required=False)
    quantiles = serializers.DictField(
        child=serializers.FloatField(),
        required=False,
        help_text="Of a forecast: the values that the outcome lies below with these probabilities.",
    )
    explanation = ExplanationSerializer
    nearest = NearSerializer(many=True, required=False)
    row = serializers.DictField(
        child=ScalarField(), required=False, help_text="What was asked by a horizon: the date, the series."
    )
    warnings = WarningSerializer(many=True)
    error = serializers.CharField(required=False)


class AnswerSerializer(serializers.Serializer[Any]):
    model = serializers.CharField()
    version = serializers.IntegerField()
    request_id = serializers.CharField()
    latency_ms = serializers.FloatField()
    threshold = serializers.FloatField(
        required=False,
        help_text="From this probability the positive class of two is predicted; left out where it is 0.5, "
        "which means the more probable class.",
    )
    positive_class = serializers.CharField(
        required=False, help_text="The class that the threshold is of; left out with it."
    )
    predictions = PredictionSerializer(many=True)


def answer_as_json(answer: PredictionResponse) -> dict[str, Any]:
    return {
        "model": answer.model,
        "version": answer.version,
        "request_id": answer.request_id,
        "latency_ms": answer.latency_ms,
        **({} if answer.threshold is None else {"threshold": answer.threshold}),
        **(
            {"positive_class": answer.positive_class}
            if answer.positive_class and answer.threshold is not None
            else {}
        ),
        "predictions": [
            {**prediction_as_json(each), **({"row": answer.rows[index]} if answer.rows else {})}
            for index, each in enumerate(answer.predictions)
        ],
    }


def prediction_as_json(prediction: Prediction) -> dict[str, Any]:
    answer = {"id": prediction.id, **prediction.output, "warnings": prediction.warnings_as_json}
    if prediction.nearest is not None:
        answer["nearest"] = [vars(each) for each in prediction.nearest]
    return answer


class LogQuerySerializer(serializers.Serializer[Any]):
    model = serializers.SlugField(required=False, help_text="A model's slug.")
    version = serializers.IntegerField(required=False, min_value=1, max_value=2**31 - 1)
    source = serializers.ChoiceField(PredictionSource.choices, required=False)
    actor = serializers.CharField(required=False, max_length=254, help_text="Part of the person's address.")
    request_id = serializers.CharField(required=False, max_length=64)
    text = serializers.CharField(required=False, max_length=200, help_text="In inputs or output.")
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False)


class LogRowSerializer(serializers.ModelSerializer[PredictionLog]):
    """One predicted row."""

    model = serializers.CharField(source="model_version.registered_model.slug")
    version = serializers.IntegerField(source="model_version.number")
    actor = serializers.EmailField(source="actor.email", allow_null=True, default=None)
    inputs = serializers.SerializerMethodField()
    output = serializers.SerializerMethodField(
        help_text="{prediction, probabilities?, score?, interval?, set?, explanation?, error?} as answered."
    )
    warnings = serializers.SerializerMethodField()

    class Meta:
        model = PredictionLog
        fields = [
            "id",
            "created_at",
            "model",
            "version",
            "source",
            "actor",
            "request_id",
            "row_number",
            "inputs",
            "output",
            "warnings",
            "latency_ms",
        ]

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_inputs(self, row: PredictionLog) -> Any:
        return row.inputs

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_output(self, row: PredictionLog) -> Any:
        return row.output

    @extend_schema_field(WarningSerializer(many=True))
    def get_warnings(self, row: PredictionLog) -> Any:
        return row.warnings

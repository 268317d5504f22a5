"""Two to ten versions side by side, as JSON."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from ...services.registry.caller_changes import ChangeKind, caller_changes
from ...services.registry.comparison import Comparison
from ...services.registry.version_table import FEWEST, MOST, VersionTable, standing_of

MOST_NUMBER = 2**31 - 1
STANDINGS = ["base", "better", "worse", "no clear difference", "not tested"]


class VersionsQuerySerializer(serializers.Serializer[Any]):
    version = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=MOST_NUMBER),
        min_length=FEWEST,
        max_length=MOST,
        help_text="A version's number; repeated for each version.",
    )
    base = serializers.IntegerField(
        min_value=1,
        max_value=MOST_NUMBER,
        required=False,
        allow_null=True,
        default=None,
        help_text="The version that the others are tested against; without it the first.",
    )


class MetricCellSerializer(serializers.Serializer[Any]):
    version = serializers.IntegerField(source="number")
    value = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True, help_text="Of the 95 % interval of the value.")
    high = serializers.FloatField(allow_null=True)
    standing = serializers.ChoiceField(STANDINGS, help_text="By a paired test on the same held-out rows.")
    difference = serializers.FloatField(
        source="tested.difference", default=None, allow_null=True, help_text="The version minus the base."
    )
    difference_low = serializers.FloatField(
        source="tested.low", default=None, allow_null=True, help_text="Of its own 95 % interval."
    )
    difference_high = serializers.FloatField(source="tested.high", default=None, allow_null=True)
    p = serializers.FloatField(
        allow_null=True, help_text="Adjusted by Holm's method where more than two versions are compared."
    )


class MetricRowSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    versions = MetricCellSerializer(many=True, source="cells")


class ComparedRowSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    values = serializers.ListField(child=serializers.JSONField(), help_text="In the order of `versions`.")
    is_same = serializers.BooleanField()


class DifferentAnswerSerializer(serializers.Serializer[Any]):
    truth = serializers.JSONField()
    base = serializers.JSONField(source="a")
    version = serializers.JSONField(source="b")


class DisagreementSerializer(serializers.Serializer[Any]):
    """Held-out rows on which the version and the base answer differently."""

    n_rows = serializers.IntegerField()
    n_different = serializers.IntegerField()
    n_base_better = serializers.IntegerField(
        source="n_better_a", help_text="Of these: rows on which only the base is right, or is closer."
    )
    n_version_better = serializers.IntegerField(source="n_better_b")
    examples = DifferentAnswerSerializer(many=True, help_text="Those with the largest difference.")


class CallerChangeSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField([each.value for each in ChangeKind])
    names = serializers.ListField(
        child=serializers.CharField(),
        help_text="Columns or classes; or the value of the base and the new one.",
    )
    is_breaking = serializers.BooleanField(help_text="A request that was right before can be refused.")


class PairVerdictSerializer(serializers.Serializer[Any]):
    """Which is better by the metric that candidates are chosen by."""

    standing = serializers.ChoiceField(STANDINGS[1:])
    sentence = serializers.CharField()
    metric = serializers.CharField()
    n_rows = serializers.IntegerField()


class VersionPairSerializer(serializers.Serializer[Any]):
    """One version beside the base."""

    version = serializers.IntegerField(source="b.number")
    is_same_data = serializers.BooleanField(help_text="One dataset and one target.")
    verdict = serializers.SerializerMethodField()
    disagreement = DisagreementSerializer(allow_null=True)
    changes = serializers.SerializerMethodField()

    @extend_schema_field(PairVerdictSerializer)
    def get_verdict(self, pair: Comparison) -> dict[str, Any]:
        return {
            "standing": standing_of(pair),
            "sentence": pair.verdict.sentence,
            "metric": pair.verdict.metric,
            "n_rows": pair.verdict.n_rows,
        }

    @extend_schema_field(CallerChangeSerializer(many=True))
    def get_changes(self, pair: Comparison) -> list[dict[str, Any]]:
        return list(CallerChangeSerializer(caller_changes(pair.a, pair.b), many=True).data)


class VersionTableSerializer(serializers.Serializer[Any]):
    """Two to ten versions side by side."""

    base = serializers.IntegerField(source="base.number")
    versions = serializers.SerializerMethodField()
    is_same_data = serializers.BooleanField()
    pairs = VersionPairSerializer(many=True)
    metrics = MetricRowSerializer(many=True)
    facts = ComparedRowSerializer(many=True)
    dataset = ComparedRowSerializer(many=True)
    params = ComparedRowSerializer(many=True)
    features = ComparedRowSerializer(many=True)

    def get_versions(self, table: VersionTable) -> list[int]:
        return [each.number for each in table.versions]

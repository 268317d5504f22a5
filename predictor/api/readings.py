"""`/api/v1/{workspace}/datasets/{id}/reading…`: how the columns of a dataset are read, tried, changed and undone."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ..errors import InvalidInput
from ..ml.types.date_forms import DATE_FORMS
from ..ml.types.reading import Reading
from ..ml.types.reading_choice import DECIMALS, KINDS, MAX_LOST_SHARE, TEXT_ROLES, THOUSANDS
from ..ml.types.schema import ColumnProfile
from ..ml.types.spellings import IGNORED
from ..models import Dataset, ReadingChange, without_documents
from ..services.datasets import readings
from .idempotency import idempotent
from .permissions import READS, WRITES
from .viewsets import WorkspaceViewSet, actor_of

WORDS_HELP = "In lower case, beside the usual ones."
IGNORES_HELP = (
    "Of text: differences that make no other category, such as case (Yes is yes) and numbers (3.0 is 3)."
)
MAX_COLUMN_NAME = 200


class ReadingSerializer(serializers.Serializer[Any]):
    """How the text of a column's cells becomes values."""

    kind = serializers.ChoiceField(KINDS)
    decimal = serializers.CharField(required=False, help_text="The decimal mark of numbers.")
    thousands = serializers.CharField(
        required=False, help_text="The thousands mark of numbers; empty for none."
    )
    dates = serializers.ListField(
        child=serializers.CharField(),
        required=False,
        help_text="Forms of dates; the first that fits is taken.",
    )
    zone = serializers.CharField(required=False, help_text="The time zone of dates, such as Europe/Berlin.")
    missing = serializers.ListField(child=serializers.CharField(), required=False, help_text=WORDS_HELP)
    true = serializers.ListField(child=serializers.CharField(), required=False, help_text=WORDS_HELP)
    false = serializers.ListField(child=serializers.CharField(), required=False, help_text=WORDS_HELP)
    ignores = serializers.ListField(
        child=serializers.ChoiceField(IGNORED), required=False, help_text=IGNORES_HELP
    )
    spellings = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="How joined categories are written."
    )
    words = serializers.CharField(help_text="The reading in words.")


class ExampleSerializer(serializers.Serializer[Any]):
    """A text of the column, the number of its cells, and the value it is read as."""

    text = serializers.CharField()
    n_cells = serializers.IntegerField()
    value = serializers.CharField(allow_null=True, help_text="null: missing.")


class EvidenceSerializer(serializers.Serializer[Any]):
    """What a reading makes of the cells of a column."""

    n_read = serializers.IntegerField()
    n_missing = serializers.IntegerField(help_text="Empty cells and words that mean missing.")
    n_words = serializers.IntegerField(help_text="Of the missing: cells with a word.")
    n_unreadable = serializers.IntegerField(help_text="Cells with another text; they are missing too.")
    examples = ExampleSerializer(many=True)
    unreadable = ExampleSerializer(many=True)
    others = ReadingSerializer(many=True, help_text="Readings that fit as well and give other values.")
    is_chosen = serializers.BooleanField(help_text="Whether a person chose the reading.")
    confidence = serializers.ChoiceField(["certain", "likely", "in doubt"])


class ProposalSerializer(serializers.Serializer[Any]):
    """A reading that the column could have, and how many of its cells could not be read."""

    reading = ReadingSerializer()
    n_unreadable = serializers.IntegerField()


class ColumnReadingSerializer(serializers.Serializer[Any]):
    """How a column is read now, and what else it could be."""

    column = serializers.CharField()
    role = serializers.CharField()
    storage = serializers.CharField()
    reading = ReadingSerializer(allow_null=True)
    evidence = EvidenceSerializer(allow_null=True)
    examples = ExampleSerializer(many=True)
    proposals = ProposalSerializer(many=True)


class ReadingRequestSerializer(serializers.Serializer[Any]):
    """How a column is to be read. Only the kind is needed: marks and date forms are found when none is given."""

    kind = serializers.ChoiceField(KINDS)
    role = serializers.ChoiceField(
        [role.value for role in TEXT_ROLES], required=False, allow_null=True, help_text="Only of text."
    )
    decimal = serializers.ChoiceField(DECIMALS, required=False, allow_null=True)
    thousands = serializers.ChoiceField(
        THOUSANDS, required=False, allow_null=True, allow_blank=True, help_text="Empty for none."
    )
    codes = serializers.BooleanField(
        required=False, allow_null=True, help_text="Whether codes such as 007 and 1E05 are numbers."
    )
    dates = serializers.ListField(
        child=serializers.ChoiceField(list(DATE_FORMS)), required=False, allow_null=True
    )
    zone = serializers.CharField(
        required=False, allow_null=True, help_text="The time zone of dates, such as Europe/Berlin or +05:30."
    )
    missing = serializers.ListField(child=serializers.CharField(), required=False, allow_null=True)
    true = serializers.ListField(child=serializers.CharField(), required=False, allow_null=True)
    false = serializers.ListField(child=serializers.CharField(), required=False, allow_null=True)
    ignores = serializers.ListField(
        child=serializers.ChoiceField(IGNORED), required=False, allow_null=True, help_text=IGNORES_HELP
    )


@extend_schema_field(ReadingRequestSerializer)
class ReadingField(serializers.DictField):
    """A reading as the caller gives it; the service checks it, as for every interface."""

    child = serializers.JSONField(allow_null=True)


class PreviewRequestSerializer(serializers.Serializer[Any]):
    column = serializers.CharField(max_length=MAX_COLUMN_NAME, trim_whitespace=False)
    reading = ReadingField()
    max_lost_share = serializers.FloatField(
        required=False,
        allow_null=True,
        help_text=f"The largest share of the filled cells that may become missing; {MAX_LOST_SHARE:g} when not given.",
    )


class ChangeRequestSerializer(PreviewRequestSerializer):
    """A new reading of a column, or `undoes`: the number of the change to undo."""

    column = serializers.CharField(max_length=MAX_COLUMN_NAME, trim_whitespace=False, required=False)
    reading = ReadingField(required=False)
    undoes = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=2**31 - 1)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        is_undo = attrs.get("undoes") is not None
        if is_undo == ("column" in attrs and "reading" in attrs):
            raise serializers.ValidationError("Give a column and its reading, or the change that it undoes.")
        return attrs


class ReadingPreviewSerializer(serializers.Serializer[Any]):
    """What a change would do; nothing is stored."""

    column = serializers.CharField()
    before = serializers.DictField(help_text="Role and reading as they are.")
    after = serializers.DictField(help_text="Role and reading as they would be.")
    n_newly_missing = serializers.IntegerField()
    evidence = EvidenceSerializer(allow_null=True)
    refusal = serializers.CharField(help_text="Why the change would be refused; empty: it would not.")


class ReadingChangeSerializer(serializers.ModelSerializer[ReadingChange]):
    """A change of a column's reading."""

    before = serializers.SerializerMethodField()
    after = serializers.SerializerMethodField()
    undoes = serializers.IntegerField(source="undoes.number", allow_null=True, default=None)
    undone_at = serializers.DateTimeField(allow_null=True)
    created_by = serializers.EmailField(source="created_by.email", allow_null=True, default=None)

    class Meta:
        model = ReadingChange
        fields = ["number", "column", "before", "after", "undoes", "undone_at", "created_at", "created_by"]

    @extend_schema_field({"type": "object"})
    def get_before(self, change: ReadingChange) -> Any:
        return state_json(change.before)

    @extend_schema_field({"type": "object"})
    def get_after(self, change: ReadingChange) -> Any:
        return state_json(change.after)


@extend_schema(tags=["datasets"])
class ReadingViewSet(WorkspaceViewSet):
    """How the columns of a dataset are read."""

    needs = {"retrieve": READS, "preview": READS, "list": READS, "create": WRITES}
    queries = {"retrieve": ("column",)}
    queryset = Dataset.objects.all()
    serializer_class = ReadingChangeSerializer

    @extend_schema(
        parameters=[OpenApiParameter("column", str, required=True)],
        responses=ColumnReadingSerializer,
        operation_id="datasets_reading_retrieve",
    )
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """How a column is read now: the counts, examples of text and value, and what else it could be."""
        name = request.query_params.get("column")
        if name is None:
            raise InvalidInput("Say which column: ?column=…", field="column")
        found = readings.reading_of(dataset=self.get_object(), column=name)
        return Response({
            "column": found.column.name,
            "storage": found.column.storage,
            **state_json(found.column),
            "evidence": evidence_json(found.column),
            "examples": [vars(each) for each in found.examples],
            "proposals": [
                {"reading": reading_json(each.reading), "n_unreadable": each.n_unreadable}
                for each in found.proposals
            ],
        })  # fmt: skip

    @extend_schema(request=PreviewRequestSerializer, responses=ReadingPreviewSerializer)
    def preview(self, request: Request, **kwargs: Any) -> Response:
        """What a reading would make of a column: the cells that would become missing, and examples. A dry run."""
        serializer = PreviewRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        shown = readings.preview_reading(dataset=self.get_object(), **serializer.validated_data)
        return Response({
            "column": shown.after.name,
            "before": state_json(shown.before),
            "after": state_json(shown.after),
            "n_newly_missing": shown.n_newly_missing,
            "evidence": evidence_json(shown.after),
            "refusal": shown.refusal,
        })  # fmt: skip

    @extend_schema(responses=ReadingChangeSerializer(many=True), operation_id="datasets_reading_changes_list")
    def list(self, request: Request, **kwargs: Any) -> Response:
        """The changes of the dataset's readings, newest first."""
        self.queryset = without_documents(self.queryset)
        page = self.paginate_queryset(readings.changes_of(self.get_object()))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(request=ChangeRequestSerializer, responses={201: ReadingChangeSerializer})
    @idempotent
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Change how a column is read, or undo a change. The file stays; runs made before keep their reading."""
        serializer = ChangeRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        fields, dataset, actor = serializer.validated_data, self.get_object(), actor_of(request)
        undoes = fields.pop("undoes", None)
        if undoes is not None:
            change = readings.undo_change(dataset=dataset, number=undoes, by=actor)
        else:
            change = readings.change_reading(dataset=dataset, by=actor, **fields)
        return Response(self.get_serializer(change).data, status=201)


def column_json(column: ColumnProfile) -> dict[str, Any]:
    """A column as the API shows it: its profile, and its reading in words."""
    return {**column.to_json(), "reading": reading_json(column.reading), "evidence": evidence_json(column)}


def state_json(column: ColumnProfile) -> dict[str, Any]:
    return {"role": column.role.value, "reading": reading_json(column.reading)}


def reading_json(reading: Reading | None) -> dict[str, Any] | None:
    return None if reading is None else {**reading.to_json(), "words": reading.words}


def evidence_json(column: ColumnProfile) -> dict[str, Any] | None:
    evidence = column.evidence
    if evidence is None:
        return None
    others = [reading_json(each) for each in evidence.others]
    return {**evidence.to_json(), "others": others, "confidence": evidence.confidence.value}

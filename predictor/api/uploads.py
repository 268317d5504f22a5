"""File uploads: multipart/form-data, or the file alone as the body. Written to disk, up to MAX_UPLOAD_BYTES."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from email.message import Message
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict
from rest_framework import parsers, serializers
from rest_framework.request import Request

from ..errors import InvalidInput, Problem
from ..http.known_names import refuse_unknown
from ..http.prediction_request import NAMES as PREDICTION_NAMES
from ..http.upload_handlers import LimitedUploadHandler, too_large
from ..services.predictions import CsvOptions, PredictionOptions

BLOCK = 1 << 20


class UploadParser(parsers.MultiPartParser):
    """multipart/form-data with one file."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        request = parser_context["request"]._request
        request.upload_handlers = [LimitedUploadHandler(request)]
        return super().parse(stream, media_type, parser_context)


class CSVBodyParser(parsers.BaseParser):
    """text/csv: the body is the file. A charset in the Content-Type is taken as its encoding."""

    media_type = "text/csv"
    filename = "body.csv"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        header = Message()
        header["Content-Type"] = media_type or self.media_type
        file = TemporaryUploadedFile(self.filename, self.media_type, 0, header.get_content_charset())
        try:
            n_bytes = 0
            while block := stream.read(BLOCK):
                n_bytes += len(block)
                if n_bytes > settings.MAX_UPLOAD_BYTES:
                    raise too_large()
                file.write(block)
            file.flush()
        except BaseException:
            file.close()
            raise
        file.size = n_bytes
        files = MultiValueDict({"file": [file]})
        # Django closes, and so removes, the files of its own request when the answer is sent.
        parser_context["request"]._request._files = files
        return parsers.DataAndFiles(QueryDict(), files)


class JSONLinesBodyParser(CSVBodyParser):
    """The body is a file of JSON lines."""

    media_type = "application/x-ndjson"
    filename = "body.jsonl"


class ParquetBodyParser(CSVBodyParser):
    """The body is a Parquet file."""

    media_type = "application/vnd.apache.parquet"
    filename = "body.parquet"


def file_of(request: Request) -> UploadedFile:
    """The one file of the request. Raises InvalidInput."""
    files = request.FILES.getlist("file")
    if len(files) != 1 or len(list(request.FILES.keys())) != 1:
        raise InvalidInput(
            "Send one file in the multipart field “file”.",
            problems=[Problem("One file is needed.", "/file")],
        )
    return files[0]


def fields_of(request: Request, known: Collection[str]) -> Mapping[str, str]:
    """The text fields that came with the file; for a bare body they are in the query. Raises InvalidInput."""
    refuse_unknown(
        (name for name in request.data if name not in request.FILES),
        known,
        others=PREDICTION_NAMES - set(known),
        hint="cannot be asked for with a file; send the rows as JSON",
    )
    fields = dict(request.query_params.items())
    fields.update({name: value for name, value in request.data.items() if isinstance(value, str)})
    file = request.FILES.get("file")
    if file is not None and file.charset and "encoding" not in fields:
        fields["encoding"] = file.charset
    return fields


def csv_options_of(fields: Mapping[str, str]) -> CsvOptions:
    """How the file is read. Raises InvalidInput."""
    return CsvOptions(
        encoding=fields.get("encoding", ""),
        delimiter=fields.get("delimiter", ""),
        decimal=fields.get("decimal", ""),
        skip_bad_rows=boolean(fields.get("skip_bad_rows"), "skip_bad_rows"),
        **line_options_of(fields),
    )


class LineOptionsSerializer(serializers.Serializer[Any]):
    """Which lines of a file are no rows; what is left out is found."""

    skip_lines = serializers.IntegerField(required=False, min_value=0, help_text="Lines above the header.")
    comment = serializers.CharField(
        required=False, max_length=4, help_text="What comment lines begin with; none: there are none."
    )
    units_lines = serializers.IntegerField(
        required=False, min_value=0, help_text="Lines of units below the header."
    )
    footer_lines = serializers.IntegerField(
        required=False, min_value=0, help_text="Last lines that are no rows, not counting blank ones."
    )


def line_options_of(fields: Mapping[str, str]) -> dict[str, Any]:
    """Which lines of the file are no rows. Raises InvalidInput."""
    return {
        "skip_lines": whole_number(fields.get("skip_lines"), "skip_lines"),
        "comment": fields.get("comment", "").strip(),
        "units_lines": whole_number(fields.get("units_lines"), "units_lines"),
        "footer_lines": whole_number(fields.get("footer_lines"), "footer_lines"),
    }


def options_of(fields: Mapping[str, str]) -> PredictionOptions:
    """How the rows of the file are predicted. Raises InvalidInput."""
    return PredictionOptions(
        version=fields.get("version") or None,
        strict=boolean(fields.get("strict"), "strict"),
        coverage=number(fields.get("coverage"), "coverage"),
    )


def boolean(text: str | None, name: str) -> bool:
    value = (text or "").strip().lower()
    if value not in ("", "true", "false", "1", "0"):
        raise InvalidInput(f"“{name}” has to be true or false.", problems=[Problem("Wrong.", f"/{name}")])
    return value in ("true", "1")


def whole_number(text: str | None, name: str) -> int | None:
    text = (text or "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise InvalidInput(
            f"“{name}” has to be a whole number from 0 on.",
            problems=[Problem("Wrong.", f"/{name}")],
            field=name,
        )
    return int(text)


def number(text: str | None, name: str) -> float | None:
    if not (text or "").strip():
        return None
    try:
        return float(str(text))
    except ValueError:
        raise InvalidInput(
            f"“{name}” has to be a number.", problems=[Problem("Wrong.", f"/{name}")]
        ) from None

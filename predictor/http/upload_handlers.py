"""Upload handlers: no page takes a file unless it says so, and a file is limited while it arrives.

`FILE_UPLOAD_HANDLERS` names `NoFileHandler`, so that a body with a file is refused before a byte of it is written.
A view that takes a file says `takes_file = True`; `UploadMiddleware` then lets people who are signed in send one.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFilesSent
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler, TemporaryFileUploadHandler

from ..errors import TooLarge

# The headers of the parts come on top of the file.
PART_HEADER_BYTES = 1 << 16


def too_large() -> TooLarge:
    limit = settings.MAX_UPLOAD_BYTES
    return TooLarge(f"The file may hold {limit:,} bytes.", limit=limit)


class NoFileHandler(FileUploadHandler):
    """Refuses every file, and a form of more than MAX_BODY_BYTES before it is read."""

    def handle_raw_input(
        self, input_data: Any, META: Any, content_length: int, *args: Any, **kwargs: Any
    ) -> None:
        if content_length > settings.MAX_BODY_BYTES:
            raise RequestDataTooBig("The form is larger than this page takes.")

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        raise TooManyFilesSent("This page takes no file.")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        raise TooManyFilesSent("This page takes no file.")

    def file_complete(self, file_size: int) -> None:
        return None


class LimitedUploadHandler(TemporaryFileUploadHandler):
    """Writes files to UPLOAD_DIR. Raises TooLarge above MAX_UPLOAD_BYTES, whatever Content-Length says.

    The name that the caller gave stays a label: no part of it becomes a part of a path.
    """

    n_bytes = 0

    def refusal(self) -> Exception:
        return too_large()

    def handle_raw_input(
        self, input_data: Any, META: Any, content_length: int, *args: Any, **kwargs: Any
    ) -> None:
        if content_length > settings.MAX_UPLOAD_BYTES + PART_HEADER_BYTES:
            raise self.refusal()

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        FileUploadHandler.new_file(self, *args, **kwargs)
        self.file = TemporaryUploadedFile(
            "upload", self.content_type, 0, self.charset, self.content_type_extra
        )
        self.file.name = self.file_name

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.n_bytes += len(raw_data)
        if self.n_bytes > settings.MAX_UPLOAD_BYTES:
            self.file.close()
            raise self.refusal()
        super().receive_data_chunk(raw_data, start)


class PageUploadHandler(LimitedUploadHandler):
    """For pages, whose form is read before their view: notes the refusal for `UploadMiddleware`, ends the reading."""

    def refusal(self) -> Exception:
        self.request.upload_refusal = too_large()
        return RequestDataTooBig(self.request.upload_refusal.message)

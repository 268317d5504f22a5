"""The folder that holds all state: made at the first start, with a key that nobody else can read."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def make_folders(data: Path, *below: Path) -> None:
    """Raises ImproperlyConfigured when one cannot be made or written to."""
    try:
        for folder in (data, *below):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not os.access(folder, os.W_OK | os.X_OK):
                raise PermissionError(13, "Permission denied")
    except OSError as error:
        raise ImproperlyConfigured(
            f"The data folder {data} cannot be written to ({error.strerror}). "
            "Set MLWEB_DATA_DIR to a folder that this user may write to."
        ) from None


def secret_key_from(path: Path) -> str:
    """The key kept in a file that only its owner can read; made on first use."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(64))
        file.flush()
        os.fsync(file.fileno())
    return path.read_text().strip()

"""The data folder and the secret key, created at the first start and readable only by their owner."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def make_folders(data: Path, *below: Path) -> None:
    """Create the data folder and its subfolders. Raises ImproperlyConfigured when one is not writable."""
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
    """The secret key in this file, created on first use with mode 0600."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(64))
        file.flush()
        os.fsync(file.fileno())
    return path.read_text().strip()


def make_private(folder: Path) -> None:
    """Take the rights of others from the files in the folder: earlier versions of mlweb left them some."""
    for path in folder.iterdir():
        if path.is_file() and not path.is_symlink() and path.stat().st_mode & 0o077:
            path.chmod(path.stat().st_mode & 0o700)

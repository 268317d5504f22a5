"""Content-addressed storage: files named by their SHA-256 below `settings.ARTIFACT_DIR`, written once.

Callers know digests only, so these functions could use another store (S3). A file is hashed while it is copied
to a temporary name, then fsynced and renamed: after a crash it is complete or absent.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from ..errors import DamagedArtifact, NotFound

BLOCK = 1 << 22
PARTIAL = "partial"
DIGEST = re.compile(r"[0-9a-f]{64}")
ABANDONED_AFTER_SECONDS = 86_400


def put(source: Path, *, may_link: bool = False, digest: str = "") -> str:
    """Store the bytes of `source` and return their digest; equal bytes are stored once.

    `may_link` makes a hard link instead of a copy. Use it only for files that nobody writes to afterwards: the
    two names share their bytes. `digest` avoids hashing such a file again when it was hashed just before.
    """
    return _put_link(source, digest or digest_of(source)) if may_link else _put_copy(source)


def put_bytes(data: bytes) -> str:
    """Store `data` and return its digest."""
    digest = hashlib.sha256(data).hexdigest()
    partial = _partial()
    try:
        with partial.open("xb") as file:
            file.write(data)
            _flush(file)
        _publish(partial, digest, len(data))
    finally:
        partial.unlink(missing_ok=True)
    return digest


def path_of(digest: str) -> Path:
    """The path of the stored file, for reading only: it is shared. Raises NotFound when it is missing."""
    path = _location(digest)
    # A link is not what we wrote, and could lead anywhere.
    if path.is_symlink() or not path.is_file():
        raise NotFound("The stored file is no longer there.")
    return path


def exists(digest: str) -> bool:
    return _location(digest).is_file()


def open(digest: str) -> BinaryIO:  # noqa: A001 - reads as artifacts.open(digest)
    """Open the stored file to hand it out, after reading it once. Raises NotFound, DamagedArtifact."""
    try:
        file = os.fdopen(os.open(path_of(digest), os.O_RDONLY | os.O_NOFOLLOW), "rb")
    except OSError:
        raise NotFound("The stored file is no longer there.") from None
    if hashlib.file_digest(file, "sha256").hexdigest() != digest:
        file.close()
        raise _damaged()
    file.seek(0)
    return file


def verified_path(digest: str) -> Path:
    """As `path_of`, after reading the file once. Raises DamagedArtifact when the bytes are not what was stored."""
    path = path_of(digest)
    if digest_of(path) != digest:
        raise _damaged()
    return path


def _damaged() -> DamagedArtifact:
    return DamagedArtifact("The stored file is damaged: its bytes are not those that were written.")


def digest_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove(digest: str) -> None:
    """Delete the file. The caller has checked, inside `removing()`, that no row names it."""
    _location(digest).unlink(missing_ok=True)


@contextmanager
def keeping() -> Iterator[None]:
    """Shared lock, from `put` to the commit of the row that names the digest: nothing is removed meanwhile."""
    with _lock(fcntl.LOCK_SH):
        yield


@contextmanager
def removing() -> Iterator[None]:
    """Exclusive lock, from the query for rows that name the bytes to their removal: nothing is stored meanwhile."""
    with _lock(fcntl.LOCK_EX):
        yield


def delete_unreferenced(
    referenced: Iterable[str], *, older_than_seconds: float = ABANDONED_AFTER_SECONDS
) -> int:
    """Delete files that no row names and that are old enough; return how many were deleted.

    `referenced` are the digests that rows name. The age protects bytes whose row is not yet committed.
    """
    keep, before, n_removed = set(referenced), time.time() - older_than_seconds, 0
    with removing():
        for path in Path(settings.ARTIFACT_DIR).glob("*/*"):
            is_ours = path.parent.name == PARTIAL or DIGEST.fullmatch(path.name)
            if not is_ours or path.name in keep:
                continue
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < before:
                    path.unlink()
                    n_removed += 1
    return n_removed


def _put_copy(source: Path) -> str:
    partial, hasher, n_bytes = _partial(), hashlib.sha256(), 0
    try:
        with source.open("rb") as original, partial.open("xb") as copy:
            while block := original.read(BLOCK):
                hasher.update(block)
                copy.write(block)
                n_bytes += len(block)
            _flush(copy)
        _publish(partial, hasher.hexdigest(), n_bytes)
    finally:
        partial.unlink(missing_ok=True)
    return hasher.hexdigest()


def _put_link(source: Path, digest: str) -> str:
    partial = _partial()
    try:
        os.link(source, partial)
    except OSError:  # another file system, or one without links
        return _put_copy(source)
    try:
        # A link has the modification time of its source, which an earlier attempt may have written days ago.
        os.utime(partial)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        _publish(partial, digest, partial.stat().st_size)
    finally:
        partial.unlink(missing_ok=True)
    return digest


def _publish(partial: Path, digest: str, n_bytes: int) -> None:
    final = _location(digest)
    final.parent.mkdir(mode=0o700, exist_ok=True)
    with suppress(FileNotFoundError):
        # The same bytes are stored already: only their modification time is renewed. A file of another length
        # (a full disk, an edit by hand) is replaced.
        if final.stat().st_size == n_bytes:
            os.utime(final)
            return
    os.replace(partial, final)
    folder = os.open(final.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _location(digest: str) -> Path:
    if not DIGEST.fullmatch(digest):
        raise NotFound("There is no stored file of that name.")
    return Path(settings.ARTIFACT_DIR) / digest[:2] / digest


def _partial() -> Path:
    folder = Path(settings.ARTIFACT_DIR) / PARTIAL
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder / secrets.token_hex(16)


@contextmanager
def _lock(kind: int) -> Iterator[None]:
    with (Path(settings.ARTIFACT_DIR) / ".lock").open("a") as file:
        fcntl.flock(file, kind)
        yield

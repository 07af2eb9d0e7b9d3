"""The bytes people sent, kept by their SHA-256, so that any survey can be read again."""

import hashlib
import os
import time
from pathlib import Path
from uuid import uuid4

from geo.problems import Problem
from geo.settings import Settings

_CHUNK = 1 << 20
_YOUNG_SECONDS = 3600


def path_of(settings: Settings, sha256: str) -> Path:
    """Return where the bytes with this digest rest."""
    return settings.raw_files / sha256[:2] / sha256


def keep(settings: Settings, source: Path) -> tuple[str, int]:
    """Keep a file's bytes: write aside, fsync, rename, fsync the folder.

    Returns
    -------
    (str, int)
        SHA-256 in hex, size in bytes.

    Raises
    ------
    Problem
        If the file is larger than the limit, empty, or cannot be read.
    """
    settings.raw_files.mkdir(parents=True, exist_ok=True)
    aside = settings.raw_files / f".{uuid4().hex}"
    digest, size = hashlib.sha256(), 0
    try:
        with source.open("rb") as given, aside.open("wb") as kept:
            while block := given.read(_CHUNK):
                size += len(block)
                if size > settings.max_upload_bytes:
                    limit = settings.max_upload_bytes // 2**20
                    raise Problem("store.too_large", http_status=413, limit=limit)
                digest.update(block)
                kept.write(block)
            kept.flush()
            os.fsync(kept.fileno())
        if size == 0:
            raise Problem("store.empty_file", file=source.name)
        final = path_of(settings, digest.hexdigest())
        final.parent.mkdir(exist_ok=True)
        aside.replace(final)
        if os.geteuid() == 0:
            # Kept by root, read and added to by the server's account.
            owner = settings.raw_files.stat()
            for path in (final.parent, final):
                os.chown(path, owner.st_uid, owner.st_gid)
        for folder in (final.parent, settings.raw_files):
            _sync(folder)
    except OSError as error:
        raise Problem("store.unreadable", file=source.name, reason=error.strerror or "") from error
    finally:
        aside.unlink(missing_ok=True)
    return digest.hexdigest(), size


def _sync(folder: Path) -> None:
    """Write a folder's entries down, so that a name given to a file outlives a power cut."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def missing(settings: Settings, digests: set[str]) -> list[str]:
    """Return the digests whose bytes are not there any more."""
    return sorted(d for d in digests if not path_of(settings, d).exists())


def sweep(settings: Settings, digests: set[str]) -> list[str]:
    """Remove files that no survey and no upload names; returns what was removed.

    A young one is left alone: bytes are kept before the transaction that names them ends. Pieces of
    files on their way are `geo.store.sendings`' to sweep.
    """
    old = time.time() - _YOUNG_SECONDS
    removed = []
    for path in (*settings.raw_files.glob("*/*"), *settings.raw_files.glob(".*")):
        on_its_way = path.name.startswith(".part-")
        if not on_its_way and path.name not in digests and path.stat().st_mtime < old:
            path.unlink()
            removed.append(path.name)
    return sorted(removed)

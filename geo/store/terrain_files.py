"""The files of elevation models on record: kept by their digest, and named again to be read."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Connection, select

from geo.problems import Problem
from geo.settings import Settings
from geo.store import rawfiles
from geo.store.tables import terrain, upload
from geo.survey.keys import content_key

# Sheets of a model, in the order in which they count; of each its own file, then those it needs
# beside it, as (SHA-256, name).
Sheets = tuple[tuple[tuple[str, str], ...], ...]


def keep(settings: Settings, sheets: Sequence[Sequence[Path]]) -> tuple[Sheets, int]:
    """Keep the bytes of a model's files; returns what they are and how many bytes they have."""
    kept, size = [], 0
    for files in sheets:
        listed = []
        for path in files:
            digest, length = rawfiles.keep(settings, path)
            listed.append((digest, "".join(ch for ch in path.name if ch.isprintable())[:200]))
            size += length
        if tuple(listed) not in kept:
            kept.append(tuple(listed))
    return tuple(kept), size


def digest_of(sheets: Sheets, *, named: bool) -> str:
    """Return what tells one model's files from another's.

    That of one file is its bytes'; `named` where its name says where it lies.
    """
    if len(sheets) == 1 and len(sheets[0]) == 1 and not named:
        return sheets[0][0][0]
    told = [[list(file) if named else file[0] for file in files] for files in sheets]
    return content_key({"sheets": told})


def sheets_of(row: Any) -> Sheets:
    """Return the files of a row of ``terrain``; one taken as a single file says no more."""
    listed = row.note.get("sheets") or [[[row.sha256, row.filename]]]
    return tuple(tuple((sha256, name) for sha256, name in files) for files in listed)


def kept_digests(conn: Connection) -> set[str]:
    """Return the digests of all bytes that models name, on record or sent and not submitted yet."""
    rows = conn.execute(select(terrain.c.sha256, terrain.c.filename, terrain.c.note))
    kept = {sha256 for row in rows for files in sheets_of(row) for sha256, _ in files}
    sent = conn.scalars(
        select(upload.c.result["terrain"]["note"]["sheets"]).where(
            upload.c.state == "staged", upload.c.result["terrain"].is_not(None)
        )
    )
    return kept | {sha256 for sheets in sent for files in sheets or () for sha256, _ in files}


@contextmanager
def named(settings: Settings, sheets: Sheets) -> Iterator[list[Path]]:
    """Give files their own names for as long as they are read: sentences speak of them by those."""
    with TemporaryDirectory(prefix="minerisk-") as folder:
        found = []
        for number, files in enumerate(sheets):
            # A folder each: sheets of one name need not be one sheet.
            room = Path(folder) / str(number)
            room.mkdir()
            for sha256, name in files:
                kept = rawfiles.path_of(settings, sha256)
                if not kept.exists():
                    raise Problem("store.unreadable", file=name, reason="raw")
                try:
                    os.link(kept, room / name)
                except OSError:
                    shutil.copyfile(kept, room / name)
            found.append(room / files[0][1])
        yield found

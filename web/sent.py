"""An upload of the pages: put on record, and found again by who may see it."""

from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from geo.settings import settings
from geo.store import intake
from geo.store.engine import connect
from geo.survey.reading import ReadOptions
from web.door import Signed, missing


def register(reader: Signed, filename: str, source: Path, wanted: ReadOptions) -> UUID:
    """Put a file on record to be read in the background, and return its id."""
    with reader.working() as conn:
        return intake.register_upload(
            conn, reader.actor, filename, source, wanted, settings=settings()
        )


def upload_of(conn: Connection, upload_id: UUID) -> dict[str, Any]:
    """Return an upload one may see.

    Raises
    ------
    Problem
        404 where there is none.
    """
    found = intake.upload_status(conn, upload_id)
    if found is None:
        raise missing()
    return found


def upload_before(reader: Signed, upload_id: UUID) -> dict[str, Any]:
    """Return an upload one may see, before an act that takes a connection of its own."""
    with connect(settings(), "app", reader.actor) as conn:
        return upload_of(conn, upload_id)

"""Files that come with a form, and files that go back: what pages and service do alike."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

from fastapi import UploadFile
from fastapi.responses import FileResponse, Response

from geo import attachments
from geo.problems import Problem
from geo.settings import settings
from geo.store import mine_queries, objections, papers, pond_events, pond_queries
from geo.store.engine import connect
from geo.store.works import attach
from web.door import Signed


@contextmanager
def aside(files: Sequence[UploadFile]) -> Iterator[list[tuple[str, Path]]]:
    """Yield the files of a form as (name, path); an empty choice of files is none."""
    with tempfile.TemporaryDirectory(prefix="minerisk-") as folder:
        made = []
        for at, file in enumerate(files):
            if file.filename:
                path = Path(folder) / str(at)
                with path.open("wb") as written:
                    shutil.copyfileobj(file.file, written, 1 << 20)
                made.append((file.filename, path))
        yield made


def file_objection(
    who: Signed,
    code: str,
    hazard: str,
    reason: str,
    wanted: str | None,
    files: Sequence[UploadFile],
) -> UUID:
    """Put an objection on record for whoever asks; 404 for a mine they may not see."""
    with connect(settings(), "app", who.actor) as conn:
        if not mine_queries.places(conn, code):
            raise Problem("store.not_found", http_status=404)
    with aside(files) as sent, who.working() as conn:
        return objections.object_to(
            conn, who.actor, settings(), code, hazard, reason, sent, wanted=wanted
        )


def file_works(who: Signed, code: str, works: str, files: Sequence[UploadFile]) -> int:
    """Put papers of treatment works on record; 404 for a mine the sender may not see."""
    with connect(settings(), "app", who.actor) as conn:
        if not mine_queries.places(conn, code):
            raise Problem("store.not_found", http_status=404)
    with aside(files) as sent, who.working() as conn:
        return attach(conn, who.actor, code, works, papers.Sent(settings(), sent))


def file_event(who: Signed, code: str, event: str, files: Sequence[UploadFile]) -> int:
    """Put papers behind a pond's event on record; 404 for a pond the sender may not see."""
    with connect(settings(), "app", who.actor) as conn:
        if not pond_queries.visible(conn, code):
            raise Problem("store.no_such_pond", http_status=404, pond=code)
    with aside(files) as sent, who.working() as conn:
        return pond_events.add_papers(conn, who.actor, code, event, papers.Sent(settings(), sent))


def file_answer(who: Signed, objection_id: UUID, sha256: str) -> Response:
    """Return a file of an objection to be saved."""
    with connect(settings(), "app", who.actor) as conn:
        return _handed(objections.attachment(conn, settings(), objection_id, sha256))


def paper_answer(who: Signed, room: str, code: str, sha256: str) -> Response:
    """Return a paper of a pond's event or of a mine's works to be saved."""
    with connect(settings(), "app", who.actor) as conn:
        return _handed(papers.found(conn, settings(), room, code, sha256))


def _handed(found: tuple[dict[str, Any], Path] | None) -> Response:
    """Return an attachment to be saved, never shown: nothing in it may run in our name."""
    if found is None:
        raise Problem("store.not_found", http_status=404)
    entry, path = found
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(entry['name'], safe='')}",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Cache-Control": "no-store",
    }
    return FileResponse(path, media_type=attachments.media_type(entry["name"]), headers=headers)

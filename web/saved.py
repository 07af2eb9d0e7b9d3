"""A file made for one reader and one request, handed over to be saved."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi.responses import Response

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def saved(name: str, media_type: str, write: Callable[[Path], Any]) -> Response:
    """Return what `write` puts into a file, to be saved under `name`."""
    with tempfile.TemporaryDirectory(prefix="minerisk-") as folder:
        path = Path(folder) / name
        write(path)
        body = path.read_bytes()
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(body, media_type=media_type, headers=disposition)

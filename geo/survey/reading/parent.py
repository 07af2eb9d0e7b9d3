"""The near side of the reading child: starts it, bounds it, and believes nothing it says."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
from pydantic import BaseModel, ValidationError

from geo.problems import Problem
from geo.survey.limits import limits
from geo.survey.reading.archive import Source
from geo.survey.reading.child import DRIVERS

_ROOM = Path(__file__).resolve().parents[3]
_NOBODY = 65534


@cache
def _to_skip(kind: str) -> list[str]:
    """Return every GDAL driver but that of the kind of file, and the one that warms up."""
    import pyogrio

    return sorted(set(pyogrio.list_drivers()) - {"GeoJSON", DRIVERS.get(kind, "GeoJSON")})


@contextmanager
def room(workdir: Path) -> Iterator[Path]:
    """Yield a fresh folder for unpacked files, which the child can enter; it is removed after.

    As root the child runs as another user: the folder is then given to that user, and lies in the
    system's temporary folder if that user could not reach `workdir`.
    """
    reachable = os.geteuid() != 0 or all(
        folder.stat().st_mode & 0o001 for folder in (workdir, *workdir.resolve().parents)
    )
    folder = Path(tempfile.mkdtemp(prefix="read-", dir=workdir if reachable else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def hand_over(folder: Path) -> None:
    """Give an unpacked folder to the user the child becomes."""
    if os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, _NOBODY, _NOBODY)


# One thread: the kernel lets only a process of one thread give up its network.
ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}


def run_child(
    module: str, skip: list[str], task: dict[str, Any], folder: Path, name: str, out: int
) -> dict[str, Any]:
    """Run one task of a confined child and return what it said.

    Parameters
    ----------
    module : str
        The child's module; it confines itself.
    skip : list of str
        GDAL drivers it must do without.
    task : dict
        Handed over as JSON, with `skip`, the limits and `out`.
    folder : Path
        Where it runs: the ``room`` with the file.
    name : str
        What the user calls the file.
    out : int
        File descriptor it may write rows to.

    Raises
    ------
    Problem
        ``reader.child.*``
    """
    limit = limits()["child"]
    task = {**task, "skip": skip, "limits": limit, "out": out}
    process = subprocess.Popen(
        [sys.executable, "-s", "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        env=ENVIRONMENT | {"PYTHONPATH": str(_ROOM)},
        pass_fds=(out,),
        start_new_session=True,
    )
    try:
        text, _ = process.communicate(json.dumps(task).encode(), timeout=limit["wall_seconds"])
    except subprocess.TimeoutExpired as error:
        raise Problem("reader.child.slow", name=name, seconds=limit["wall_seconds"]) from error
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    if process.returncode < 0 or process.returncode not in (0, 3):
        raise Problem("reader.child.died", name=name)
    try:
        said: dict[str, Any] = json.loads(text[:1_000_000])
    except ValueError as error:
        raise Problem("reader.child.died", name=name) from error
    if "error" in said:
        code = "reader.child.memory" if said["error"] == "memory" else "reader.child.unreadable"
        raise Problem(code, name=name)
    if "too_many" in said:
        raise Problem("reader.child.too_many", name=name, **said["too_many"])
    if said.get("cut"):
        raise Problem("reader.part.cut", name=name)
    return said


def _run(task: dict[str, Any], folder: Path, name: str, out: int) -> dict[str, Any]:
    skip = _to_skip(task.get("kind", ""))
    return run_child("geo.survey.reading.child", skip, task, folder, name, out)


def confinement() -> dict[str, bool]:
    """Return what the kernel let the child give up, for `doctor` to say.

    Returns
    -------
    dict
        ``no_network``: it has no network of ours; ``other_user``: it is not root.
    """
    with room(Path(tempfile.gettempdir())) as folder, open(os.devnull, "wb") as nowhere:
        hand_over(folder)
        said = _run({"do": "probe"}, folder, "", nowhere.fileno())
    return {"no_network": said.get("no_network") is True, "other_user": said.get("user") != 0}


# A layer's rows, the name of its geometry column, its declared system.
Read = tuple[pa.Table, str | None, str | None]


def list_layers(source: Source, folder: Path) -> tuple[list[str], list[str], Read | None]:
    """Return the names of a source's layers and of its tables that hold no shapes.

    And the rows of a layer that has nothing beside it: they need no child of their own.

    Raises
    ------
    Problem
        ``reader.child.*``
    """
    task = {"do": "list", "kind": source.kind, "encoding": None}
    with _asked(task, source, folder) as (said, out):
        if len(said["layers"]) > limits()["layers"]:
            raise Problem("reader.kind.many", most=limits()["layers"])
        found = [str(one["name"]) for one in said["layers"] if one["shapes"]]
        tables = [str(one["name"]) for one in said["layers"] if not one["shapes"]]
        if "sent" not in said:
            return found, tables, None
        return found, tables, _layer(_received(out, said, source), said, source)


def read_layer(source: Source, layer: str, encoding: str | None, folder: Path) -> Read:
    """Return the rows of one layer, the name of its geometry column, and its declared system.

    Raises
    ------
    Problem
        ``reader.child.*``
    """
    task = {"do": "read", "kind": source.kind, "layer": layer, "encoding": encoding}
    table, said = _rows(task, source, folder)
    return _layer(table, said, source)


def _layer(table: pa.Table, said: dict[str, Any], source: Source) -> Read:
    geometry = said.get("geometry")
    # A .dbf counts rows that are marked deleted; its own count is compared by the caller.
    if source.kind != "ESRI Shapefile" and said.get("stated") != table.num_rows:
        raise Problem("reader.child.unreadable", name=source.name)
    wkt = said.get("crs")
    return table, geometry if geometry in table.column_names else None, wkt


class Told(BaseModel):
    """What the child says of a file that holds several layers in one; nothing else is heard."""

    columns: list[str] = []
    sheets: list[str] = []
    entities: dict[str, int] = {}
    geometry: str | None = None


def read_whole(
    what: str, source: Source, encoding: str | None, folder: Path, needs: Collection[str]
) -> tuple[pa.Table, Told]:
    """Return all rows of a file that holds several layers in one, and what the child says of them.

    Parameters
    ----------
    what : str
        ``drawing``, ``placemarks``, ``table`` or ``workbook``.
    needs : collection of str
        Columns the answer must have.

    Raises
    ------
    Problem
        ``reader.child.*``
    """
    task = {"do": what, "kind": source.kind, "encoding": encoding}
    table, said = _rows(task, source, folder)
    try:
        told = Told.model_validate(said)
    except ValidationError as error:
        raise Problem("reader.child.died", name=source.name) from error
    wanted = {*needs, *(f"c{number}" for number in range(len(told.columns)))}
    if not wanted <= set(table.column_names):
        raise Problem("reader.child.died", name=source.name)
    return table, told


@contextmanager
def _asked(
    task: dict[str, Any], source: Source, folder: Path
) -> Iterator[tuple[dict[str, Any], IO[bytes]]]:
    """Yield what the child says of a task, and the file it wrote rows to."""
    most = {name: limits()[name] for name in ("rows", "columns")}
    with tempfile.TemporaryFile() as out:
        task = {**task, **most, "path": source.path.name}
        yield _run(task, folder, source.name, out.fileno()), out


def _received(out: IO[bytes], said: dict[str, Any], source: Source) -> pa.Table:
    if out.seek(0, os.SEEK_END) > limits()["child"]["answer_bytes"]:
        raise Problem("reader.child.too_many", name=source.name, rows="—", columns="—")
    out.seek(0)
    try:
        table = pa.ipc.open_stream(out).read_all()
        table.validate(full=True)
    except (pa.ArrowInvalid, OSError) as error:
        raise Problem("reader.child.died", name=source.name) from error
    if said.get("sent") != table.num_rows:
        raise Problem("reader.child.unreadable", name=source.name)
    return table


def _rows(task: dict[str, Any], source: Source, folder: Path) -> tuple[pa.Table, dict[str, Any]]:
    with _asked(task, source, folder) as (said, out):
        return _received(out, said, source), said

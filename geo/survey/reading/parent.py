"""The near side of the reading child: starts it, bounds it, and believes nothing it says."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from geo.problems import Problem
from geo.survey.limits import limits
from geo.survey.reading.archive import Source
from geo.survey.reading.child import DRIVERS

_ROOM = Path(__file__).resolve().parents[3]
_NOBODY = 65534


@cache
def _to_skip() -> list[str]:
    import pyogrio

    return sorted(set(pyogrio.list_drivers()) - set(DRIVERS))


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
        env={"PYTHONPATH": str(_ROOM), "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"},
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
    return said


def _run(task: dict[str, Any], folder: Path, name: str, out: int) -> dict[str, Any]:
    return run_child("geo.survey.reading.child", _to_skip(), task, folder, name, out)


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


def list_layers(source: Source, folder: Path) -> tuple[list[str], list[str]]:
    """Return the names of a source's layers, and of its tables that hold no shapes.

    Raises
    ------
    Problem
        ``reader.child.*``
    """
    with open(os.devnull, "wb") as nowhere:
        said = _run({"do": "list", "path": source.path.name}, folder, source.name, nowhere.fileno())
    if len(said["layers"]) > limits()["layers"]:
        raise Problem("reader.kind.many", most=limits()["layers"])
    found = [str(one["name"]) for one in said["layers"] if one["shapes"]]
    return found, [str(one["name"]) for one in said["layers"] if not one["shapes"]]


def read_layer(
    source: Source, layer: str, encoding: str | None, folder: Path
) -> tuple[pa.Table, str | None, str | None]:
    """Return the rows of one layer, the name of its geometry column, and its declared system.

    Raises
    ------
    Problem
        ``reader.child.*``
    """
    task = {
        "do": "read",
        "path": source.path.name,
        "layer": layer,
        "encoding": encoding,
        "rows": limits()["rows"],
        "columns": limits()["columns"],
    }
    with tempfile.TemporaryFile() as out:
        said = _run(task, folder, source.name, out.fileno())
        if out.seek(0, os.SEEK_END) > limits()["child"]["answer_bytes"]:
            raise Problem("reader.child.too_many", name=source.name, rows="—", columns="—")
        out.seek(0)
        try:
            table = pa.ipc.open_stream(out).read_all()
            table.validate(full=True)
        except (pa.ArrowInvalid, OSError) as error:
            raise Problem("reader.child.died", name=source.name) from error
    geometry = said.get("geometry")
    # A .dbf counts rows that are marked deleted; its own count is compared by the caller.
    whole = source.kind == "ESRI Shapefile" or said.get("stated") == table.num_rows
    if said.get("sent") != table.num_rows or not whole:
        raise Problem("reader.child.unreadable", name=source.name)
    wkt = said.get("crs")
    return table, geometry if geometry in table.column_names else None, wkt

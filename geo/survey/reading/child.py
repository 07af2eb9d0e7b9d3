"""The process that opens strangers' files: ``python -m geo.survey.reading.child``.

Started in the folder of the unpacked files, with nothing in its environment. It cuts itself off
(own network namespace where the kernel permits, no new privileges, resource limits, another user
where it is root), opens the one file it was told to with the one GDAL driver of its kind, and
writes the rows as Arrow IPC with WKB to the file descriptor it was given. It is never trusted with
more. KML and tables of corner points are read without GDAL: by expat, csv and openpyxl.

Order matters: the limits of drivers stand before GDAL is loaded, the other user comes after, since
that user need not be able to read the Python environment.
"""

import codecs
import contextlib
import ctypes
import json
import os
import re
import resource
import signal
import sys
from datetime import datetime, time
from typing import Any

# The GDAL driver of a kind of file; the other kinds are read without GDAL.
DRIVERS = {"ESRI Shapefile": "ESRI Shapefile", "GPKG": "GPKG", "GeoJSON": "GeoJSON", "DXF": "DXF"}
# Warming up reads one, so it stays whatever the file.
_ALWAYS = "GeoJSON"
_CELL = 32_767  # characters, Excel's own limit
_DOCTYPES = tuple(
    word.encode(code)
    for word in ("<!DOCTYPE", "<!ENTITY")
    for code in ("ascii", "utf-16-le", "utf-16-be")
)
_DXF_COPY = "drawing.dxf"
# Without a header section GDAL takes the names of layers for Latin-1, whatever it is told.
_NO_HEADER = "HEADER\n  0\nENDSEC\n  0\nSECTION\n  2\n"
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_NOBODY = 65534
_NOTHING = (
    b'{"type": "FeatureCollection", "crs": {"type": "name", "properties": {"name": "EPSG:4490"}},'
    b' "features": [{"type": "Feature", "properties": {"a": "b"},'
    b' "geometry": {"type": "Point", "coordinates": [112, 38]}}]}'
)


def without_network() -> bool:
    """Give up the network; return whether the kernel let it be given up.

    In a user namespace of its own, where only so it may, the process reads no more than anybody: to
    be called by one with a single thread, before or after it loads what only its user may read.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(
        libc.unshare(_CLONE_NEWNET) == 0 or libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0
    )


def isolate(skip: list[str]) -> None:
    """Keep the process to what it was given, before GDAL is loaded."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # Rows leave as Arrow: the frames pyogrio would load besides take a second and are never used.
    modules: dict[str, Any] = sys.modules
    modules.update(dict.fromkeys(("geopandas", "pandas")))
    os.environ.update(
        GDAL_SKIP=",".join(skip),
        OGR_SKIP=",".join(skip),
        # Written by us, read by nobody but us: a missing index is made anew beside the file.
        SHAPE_RESTORE_SHX="YES",
        OGR_GPKG_NUM_THREADS="1",
        GDAL_NUM_THREADS="1",
        OPENBLAS_NUM_THREADS="1",
        OMP_NUM_THREADS="1",
        CPL_DEBUG="OFF",
        GDAL_HTTP_MAX_RETRY="0",
        GDAL_DISABLE_READDIR_ON_OPEN="FALSE",
        OGR_GEOJSON_MAX_OBJ_SIZE="200",
        # A block stays the point where it is set: what hides in blocks of blocks is not unrolled.
        DXF_INLINE_BLOCKS="FALSE",
        DXF_ENCODING="UTF-8",
    )


def confine(limit: dict[str, int]) -> None:
    """Set the resource limits and become another user where we are root."""
    for name, kind in (
        ("memory_bytes", resource.RLIMIT_AS),
        ("cpu_seconds", resource.RLIMIT_CPU),
        ("file_bytes", resource.RLIMIT_FSIZE),
        ("open_files", resource.RLIMIT_NOFILE),
    ):
        resource.setrlimit(kind, (limit[name], limit[name]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if os.geteuid() == 0:
        # Inside a user namespace of our own there is nobody else to become.
        with contextlib.suppress(OSError):
            os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)


def warm(task: dict[str, Any]) -> None:
    """Load what is loaded on first use, while this user can still read the environment.

    A read of nothing in particular: it fetches pyarrow, the codec, and PROJ's database.
    """
    codecs.lookup(task.get("encoding") or "utf-8")
    if task["do"] == "workbook":
        import io

        import openpyxl

        kept = io.BytesIO()
        openpyxl.Workbook().save(kept)
        list(openpyxl.load_workbook(kept, read_only=True).active.iter_rows())
    if task["do"] in _WITHOUT_GDAL:
        import csv  # noqa: F401
        import zipfile  # noqa: F401

        import pyarrow  # noqa: F401

        from geo.survey.reading import kml  # noqa: F401
    else:
        import pyogrio

        pyogrio.read_arrow(_NOTHING)


def _send(table: Any, out: int) -> None:
    """Write a table to `out` as an Arrow stream without any metadata."""
    import pyarrow as pa

    with (
        os.fdopen(out, "wb", closefd=False) as sink,
        pa.ipc.new_stream(sink, table.schema.remove_metadata()) as writer,
    ):
        for batch in table.to_batches(max_chunksize=20_000):
            writer.write_batch(batch.replace_schema_metadata(None))


def _too_many(rows: Any, columns: Any) -> dict[str, Any]:
    return {"too_many": {"rows": rows, "columns": columns}}


def placemarks(task: dict[str, Any], out: int) -> dict[str, Any]:
    """Write the placemarks of a KML: folder, attributes, shape."""
    import pyarrow as pa

    from geo.survey.reading import kml

    with open(task["path"], "rb") as stream:
        try:
            columns, rows = kml.read(stream, task["rows"], task["columns"])
        except kml.Refused as refused:
            if str(refused) in ("rows", "columns"):
                return _too_many("—", "—")
            raise
    made = {
        "folder": pa.array([folder for folder, _, _ in rows], pa.string()),
        "shape": pa.array([wkb for _, _, wkb in rows], pa.binary()),
    }
    for number, column in enumerate(columns):
        made[f"c{number}"] = pa.array([row.get(column) for _, row, _ in rows], pa.string())
    _send(pa.table(made), out)
    return {"sent": len(rows), "stated": len(rows), "columns": columns}


def _cell(value: Any) -> str | None:
    if isinstance(value, datetime) and value.time() == time():
        value = value.date()
    return None if value is None else str(value).strip() or None


def _grid(rows: Any, task: dict[str, Any]) -> tuple[list[list[str | None]], bool]:
    """Return rows of text cells up to the limits, and whether there were more."""
    made: list[list[str | None]] = []
    for row in rows:
        cells = [_cell(value) for value in row]
        while cells and cells[-1] is None:
            cells.pop()
        if len(made) >= task["rows"] or len(cells) > task["columns"]:
            return made, True
        if any(cell is not None and len(cell) > _CELL for cell in cells):
            raise ValueError("a cell too large")
        made.append(cells)
    return made, False


def _sent_grids(sheets: list[tuple[str, list[list[str | None]]]], out: int) -> dict[str, Any]:
    import pyarrow as pa

    table = pa.table(
        {
            "sheet": pa.array([n for n, (_, rows) in enumerate(sheets) for _ in rows], pa.int32()),
            "cells": pa.array([row for _, rows in sheets for row in rows], pa.list_(pa.string())),
        }
    )
    _send(table, out)
    return {"sent": table.num_rows, "stated": table.num_rows, "sheets": [n for n, _ in sheets]}


def text_table(task: dict[str, Any], out: int) -> dict[str, Any]:
    """Write the cells of a CSV; a separator is looked for among comma, semicolon and tab."""
    import csv

    csv.field_size_limit(_CELL)
    with open(task["path"], encoding=task["encoding"], errors="replace", newline="") as stream:
        head = stream.read(4096).removeprefix("\ufeff")
        separator = max(",;\t", key=head.split("\n", 1)[0].count)
        stream.seek(0)
        rows, more = _grid(csv.reader(stream, delimiter=separator, strict=True), task)
    if rows and rows[0] and rows[0][0]:
        rows[0][0] = rows[0][0].removeprefix("\ufeff")
    return _too_many("—", "—") if more else _sent_grids([("", rows)], out)


def workbook(task: dict[str, Any], out: int) -> dict[str, Any]:
    """Write the cells of every sheet of a workbook, values only."""
    import zipfile

    import openpyxl

    with zipfile.ZipFile(task["path"]) as archive:
        for entry in archive.infolist():
            _no_doctype(archive, entry)
    book = openpyxl.load_workbook(task["path"], read_only=True, data_only=True, keep_links=False)
    sheets = []
    left = {**task}
    for sheet in book.worksheets:
        # What a sheet says of its own size is not believed: rows are counted as they come.
        sheet.reset_dimensions()
        rows, more = _grid(sheet.iter_rows(values_only=True), left)
        if more:
            return _too_many("—", "—")
        left["rows"] -= len(rows)
        sheets.append((str(sheet.title), rows))
    return _sent_grids(sheets, out)


def _no_doctype(archive: Any, entry: Any) -> None:
    """Refuse a part with a document type: no sound workbook has one, and entities hide there."""
    kept = b""
    with archive.open(entry) as part:
        while data := part.read(1 << 20):
            if any(mark in kept + data for mark in _DOCTYPES):
                raise ValueError("doctype")
            kept = data[-32:]


_WITHOUT_GDAL = {"placemarks": placemarks, "table": text_table, "workbook": workbook}


def _drawing(task: dict[str, Any]) -> tuple[str, dict[str, int]]:
    """Return a copy of a drawing in UTF-8, and how many entities of each type it holds.

    GDAL recodes some of a drawing's texts and not others, and leaves out types it does not know
    without a word; so it is given UTF-8, and the types are counted here.
    """
    counted: dict[str, int] = {}
    section, code, after, ended, headed = "", "", False, False, False
    with (
        open(task["path"], encoding=task["encoding"], errors="replace", newline=None) as given,
        open(_DXF_COPY, "w", encoding="utf-8", newline="\n") as made,
    ):
        for number, line in enumerate(given):
            if not number:
                line = line.removeprefix("\ufeff")
            if not after:
                made.write(_unescaped(line))
                code, after = line.strip(), True
                continue
            after = False
            word = line.strip()
            if code == "2" and section == "?" and not headed:
                made.write("" if word == "HEADER" else _NO_HEADER)
                headed = True
            made.write(_unescaped(line))
            if code == "2" and section == "?":
                section = word
            elif code == "0" and word == "SECTION":
                section = "?"
            elif code == "0" and word == "ENDSEC":
                section = ""
            elif code == "0" and word == "EOF":
                ended = True
            elif code == "0" and section == "ENTITIES":
                counted[word[:40]] = counted.get(word[:40], 0) + 1
    if not ended:
        # GDAL reads what there is of a drawing cut short, and rows would be lost in silence.
        raise EOFError
    if len(counted) > 200:
        raise ValueError("too many types of entity")
    return _DXF_COPY, counted


def _unescaped(line: str) -> str:
    r"""Return a line with AutoCAD's ``\U+4E2D`` as the character it stands for."""
    if "\\U+" not in line:
        return line
    return re.sub(
        r"\\U\+([0-9A-Fa-f]{4})",
        lambda found: c if (c := chr(int(found[1], 16))).isprintable() else "\ufffd",
        line,
    )


def answer(task: dict[str, Any], out: int) -> dict[str, Any]:
    """Do one task: list the layers of a file, or write one layer's rows to `out`.

    A layer that has nothing beside it is written as it is listed.
    """
    if task["do"] == "probe":
        return {"user": os.geteuid()}
    if task["do"] in _WITHOUT_GDAL:
        return _WITHOUT_GDAL[task["do"]](task, out)
    import pyogrio

    path = task["path"]
    if task["do"] == "drawing":
        try:
            path, counted = _drawing(task)
        except EOFError:
            return {"cut": True}
        meta, table = pyogrio.read_arrow(path, layer="entities")
        if table.num_rows > task["rows"]:
            return _too_many(table.num_rows, table.num_columns)
        _send(table, out)
        geometry = meta["geometry_name"] or "wkb_geometry"
        rows = table.num_rows
        return {"sent": rows, "stated": rows, "geometry": geometry, "entities": counted}
    if task["do"] == "list":
        listed = pyogrio.list_layers(path)
        found = [{"name": str(name), "shapes": kind is not None} for name, kind in listed]
        if [one["shapes"] for one in found] != [True]:
            return {"layers": found}
        return {"layers": found, **_rows({**task, "layer": found[0]["name"]}, out)}
    return _rows(task, out)


def _rows(task: dict[str, Any], out: int) -> dict[str, Any]:
    """Write the rows of a layer and tell what it says of them."""
    import pyogrio

    path = task["path"]
    extra = {"encoding": task["encoding"]} if task.get("encoding") else {}
    info = pyogrio.read_info(path, layer=task["layer"], force_feature_count=True, **extra)
    if info["features"] > task["rows"] or len(info["fields"]) > task["columns"]:
        return _too_many(info["features"], len(info["fields"]))
    meta, table = pyogrio.read_arrow(path, layer=task["layer"], **extra)
    geometry = meta["geometry_name"] or "wkb_geometry"
    said = {
        "crs": meta["crs"],
        "geometry": geometry if geometry in table.column_names else None,
        "stated": info["features"],
        "sent": table.num_rows,
    }
    _send(table, out)
    return said


def main() -> int:
    """Answer the task on standard input; exit 0 with a JSON line, or 3 with a reason."""
    task = json.load(sys.stdin)
    isolate(task["skip"])
    if task["do"] not in _WITHOUT_GDAL:
        import pyogrio

        left = set(pyogrio.list_drivers()) - {_ALWAYS, DRIVERS.get(task.get("kind", ""), _ALWAYS)}
        if left:
            print(json.dumps({"error": f"drivers left: {sorted(left)}"}))
            return 3
    warm(task)
    # Only now: the server's account may have to read this environment by a right it then loses.
    cut = without_network()
    confine(task["limits"])
    try:
        said = answer(task, task["out"])
    except MemoryError:
        print(json.dumps({"error": "memory"}))
        return 3
    except Exception as error:  # whatever the file provokes ends here, as a word
        print(json.dumps({"error": f"{type(error).__name__}: {error}"[:500]}))
        return 3
    print(json.dumps({**said, "no_network": cut}))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The process that opens strangers' files: ``python -m geo.survey.reading.child``.

Started in the folder of the unpacked files, with nothing in its environment. It cuts itself off
(own network namespace where the kernel permits, no new privileges, resource limits, another user
where it is root), opens the one file it was told to with one of three GDAL drivers, and writes the
rows as Arrow IPC with WKB to the file descriptor it was given. It is never trusted with more.

Order matters: the limits of drivers stand before GDAL is loaded, the other user comes after, since
that user need not be able to read the Python environment.
"""

import codecs
import contextlib
import ctypes
import json
import os
import resource
import signal
import sys
from typing import Any

DRIVERS = ("ESRI Shapefile", "GPKG", "GeoJSON")
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_NOBODY = 65534
_NOTHING = (
    b'{"type": "FeatureCollection", "crs": {"type": "name", "properties": {"name": "EPSG:4490"}},'
    b' "features": [{"type": "Feature", "properties": {"a": "b"},'
    b' "geometry": {"type": "Point", "coordinates": [112, 38]}}]}'
)


def isolate(skip: list[str]) -> bool:
    """Cut the process off before GDAL is loaded; return whether it lost the network."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    cut = libc.unshare(_CLONE_NEWNET) == 0 or libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0
    # Rows leave as Arrow: the frames pyogrio would load besides cost most of a second, for nothing.
    sys.modules.update(dict.fromkeys(("geopandas", "pandas")))  # type: ignore[arg-type]
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
    )
    return cut


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


def warm(encoding: str | None) -> None:
    """Load what is loaded on first use, while this user can still read the environment.

    A read of nothing in particular: it fetches pyarrow, the codec, and PROJ's database.
    """
    import pyogrio

    codecs.lookup(encoding or "utf-8")
    pyogrio.read_arrow(_NOTHING)


def answer(task: dict[str, Any], out: int) -> dict[str, Any]:
    """Do one task: list the layers of a file, or write one layer's rows to `out`."""
    import pyarrow as pa
    import pyogrio

    if task["do"] == "probe":
        return {"user": os.geteuid()}
    path = task["path"]
    if task["do"] == "list":
        listed = pyogrio.list_layers(path)
        return {
            "layers": [{"name": str(name), "shapes": kind is not None} for name, kind in listed]
        }
    extra = {"encoding": task["encoding"]} if task.get("encoding") else {}
    info = pyogrio.read_info(path, layer=task["layer"], force_feature_count=True, **extra)
    if info["features"] > task["rows"] or len(info["fields"]) > task["columns"]:
        return {"too_many": {"rows": info["features"], "columns": len(info["fields"])}}
    meta, table = pyogrio.read_arrow(path, layer=task["layer"], **extra)
    geometry = meta["geometry_name"] or "wkb_geometry"
    said = {
        "crs": meta["crs"],
        "geometry": geometry if geometry in table.column_names else None,
        "stated": info["features"],
        "sent": table.num_rows,
    }
    with (
        os.fdopen(out, "wb", closefd=False) as sink,
        pa.ipc.new_stream(sink, table.schema.remove_metadata()) as writer,
    ):
        for batch in table.to_batches(max_chunksize=20_000):
            writer.write_batch(batch.replace_schema_metadata(None))
    return said


def main() -> int:
    """Answer the task on standard input; exit 0 with a JSON line, or 3 with a reason."""
    task = json.load(sys.stdin)
    cut = isolate(task["skip"])
    import pyogrio

    left = set(pyogrio.list_drivers()) - set(DRIVERS)
    if left:
        print(json.dumps({"error": f"drivers left: {sorted(left)}"}))
        return 3
    warm(task.get("encoding"))
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

"""The process that opens strangers' terrain models: ``python -m geo.tailings.raster_child``.

It confines itself as the reader of survey files does (``geo.survey.reading.child``), opens the one
file it was told to with the one GDAL driver of its kind, and writes heights as plain float32, row
by row, to the file descriptor it was given. Moving them to another frame is the parent's work.
"""

import json
import os
import sys
from typing import Any

from geo.survey.reading.child import confine, isolate, without_network

# None of them opens other files than those beside its own: VRT would, and is no model but a recipe.
DRIVERS = ("GTiff", "AAIGrid", "HFA", "SRTMHGT", "DTED", "EHdr", "USGSDEM", "ENVI")
_STRIP_CELLS = 4_000_000
# Values that mean "no height" in files that do not say so.
_VOIDS = (-32768.0, 32767.0, -9999.0)


def _describe(path: str) -> dict[str, Any]:
    import rasterio

    with rasterio.open(path) as source:
        return {
            "driver": source.driver,
            "width": source.width,
            "height": source.height,
            "bands": source.count,
            "kind": str(source.dtypes[0]),
            "crs": source.crs.to_wkt() if source.crs else None,
            "transform": list(source.transform)[:6],
            "unit": source.units[0],
            "gcps": bool(source.gcps[0]),
        }


def _send(path: str, window: list[int], out: int) -> dict[str, Any]:
    import numpy as np
    import rasterio
    from rasterio.windows import Window

    row, col, rows, cols = window
    voids = 0
    with rasterio.open(path) as source, os.fdopen(out, "wb", closefd=False) as sink:
        scale, offset, nodata = source.scales[0], source.offsets[0], source.nodata
        step = max(1, _STRIP_CELLS // max(cols, 1))
        for begin in range(0, rows, step):
            part = Window(col, row + begin, cols, min(step, rows - begin))
            z = source.read(1, window=part).astype(np.float64)
            gone = np.isin(z, _VOIDS) | ~np.isfinite(z) | (np.abs(z) > 1e30)
            if nodata is not None:
                gone |= z == nodata
            z = z * scale + offset
            z[gone] = np.nan
            voids += int(gone.sum())
            sink.write(np.ascontiguousarray(z, dtype="<f4").tobytes())
    return {"voids": voids}


def answer(task: dict[str, Any]) -> dict[str, Any]:
    """Do one task: describe a file, or send the heights of a window of it."""
    if task["do"] == "describe":
        return _describe(task["path"])
    return _send(task["path"], task["window"], task["out"])


def _warm() -> None:
    """Load what is loaded on first use, while this user can still read the environment."""
    import numpy as np
    import rasterio
    from rasterio.windows import Window

    rasterio.crs.CRS.from_epsg(4490).to_wkt()
    np.isin(np.zeros(1), _VOIDS)
    Window(0, 0, 1, 1)


def main() -> int:
    """Answer the task on standard input; exit 0 with a JSON line, or 3 with a reason."""
    task = json.load(sys.stdin)
    isolate(task["skip"])
    from rasterio.env import Env

    with Env() as environment:
        left = set(environment.drivers()) - ({task["driver"]} & set(DRIVERS))
        if left:
            print(json.dumps({"error": f"drivers left: {sorted(left)}"}))
            return 3
        _warm()
        # Only now: the server's account may have to read this environment by a right it then loses.
        cut = without_network()
        confine(task["limits"])
        try:
            said = answer(task)
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

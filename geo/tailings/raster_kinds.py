"""What a terrain file is, by its first bytes or its name, and which files belong to it."""

import re
from dataclasses import dataclass
from pathlib import Path

from geo.problems import Problem

_TIFF = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
# A tile of SRTM says where it lies by its name alone, and has one of three sizes.
_SRTM = re.compile(r"[NS]\d{2}[EW]\d{3}", re.ASCII | re.IGNORECASE)
_SRTM_BYTES = tuple(2 * high * wide for high, wide in ((1201, 1201), (3601, 3601), (3601, 1801)))
_EHDR = (".bil", ".bip", ".bsq", ".flt")
_MOST = 65_536  # bytes of a header or of a coordinate system in words


@dataclass(frozen=True)
class Kind:
    """The one GDAL driver that reads a file, its name for the child, and what it needs beside it.

    `beside` are pairs of a file there and its name for the child.
    """

    driver: str
    name: str
    beside: tuple[tuple[Path, str], ...] = ()


def _beside(path: Path, *endings: str) -> tuple[tuple[Path, str], ...]:
    found = []
    for ending in endings:
        for one in (path.with_suffix(ending), path.with_suffix(ending.upper())):
            if one != path and one.is_file() and one.stat().st_size < _MOST:
                found.append((one, f"dem{ending}"))
                break
    return tuple(found)


def _is_usgs(path: Path, head: bytes) -> bool:
    """Tell a USGS DEM: fixed columns of text, its kind and its system each in six of them."""
    kind, system = head[150:156].strip(), head[156:162].strip()
    return path.suffix.lower() == ".dem" and kind in (b"1", b"4") and system in (b"0", b"1", b"2")


def _headed(path: Path) -> Kind | None:
    """Return the kind of plain rows of numbers, which a header beside them explains."""
    header = _beside(path, ".hdr")
    if not header:
        return None
    said = header[0][0].read_bytes()
    if said.startswith(b"ENVI"):
        return Kind("ENVI", "dem.dat", header)
    ending = path.suffix.lower()
    if ending in _EHDR and b"NROWS" in said.upper():
        return Kind("EHdr", f"dem{ending}", header + _beside(path, ".prj"))
    return None


def kind_of(path: Path) -> Kind:
    """Return what a file is.

    Raises
    ------
    Problem
        ``terrain.dem.kind``
    """
    with path.open("rb") as file:
        head = file.read(4096)
    if head[:4] in _TIFF:
        return Kind("GTiff", "dem.tif")
    if head.lstrip().lower().startswith(b"ncols"):
        return Kind("AAIGrid", "dem.asc", _beside(path, ".prj"))
    if head.startswith(b"EHFA_HEADER_TAG"):
        return Kind("HFA", "dem.img")
    if b"UHL1" in (head[:4], head[80:84], head[160:164]):
        return Kind("DTED", "dem.dt2")
    tile = _SRTM.match(path.name)
    if tile and path.suffix.lower() == ".hgt" and path.stat().st_size in _SRTM_BYTES:
        return Kind("SRTMHGT", f"{tile[0].upper()}.hgt")
    if _is_usgs(path, head):
        return Kind("USGSDEM", "dem.dem")
    found = _headed(path)
    if found is None:
        raise Problem("terrain.dem.kind", name=path.name)
    return found

"""Unpacking a stranger's file without trusting it.

Nothing of the sender's names reaches the disk: every member is written under a name made here.
Sizes are counted while bytes flow, never believed from the zip's own directory.
"""

import re
import stat
import unicodedata
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from geo.problems import Problem
from geo.survey.limits import limits
from geo.survey.reading.programs import refuse_own

SHAPE_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")
_CHUNK = 1 << 20
_ZIP = b"PK\x03\x04"
_ZIP_EMPTY = b"PK\x05\x06"
_SQLITE = b"SQLite format 3\x00"
_SHAPE = b"\x00\x00\x27\x0a"
# Never opened, whatever they hold: they make GDAL open other files.
_FORBIDDEN = (".vrt", ".gti", ".xml.vrt")
_NESTED = (".zip", ".rar", ".7z", ".gz", ".tgz", ".tar", ".bz2", ".xz", ".shz", ".kmz")
# Office's files are zips, too: a workbook is read, the others are no layers and are left alone.
_WORKBOOK, _OFFICE = ".xlsx", (".docx", ".pptx", ".xlsm", ".vsdx", ".odt", ".ods")
# What is read by its name: one that holds another program's format is told so.
_READ = (*SHAPE_PARTS, ".geojson", ".json", ".dxf", ".kml", ".csv", ".gpkg")
_DRAWING = re.compile(rb"\A(\xef\xbb\xbf)?(\s*999\r?\n[^\n]*\n)*\s*0\r?\n\s*SECTION\r?\n")
_BINARY_DRAWING = b"AutoCAD Binary DXF"
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError)
_HTML = (b"<!doctype", b"<html", b"<head", b"<?xml", b"<body")


@dataclass
class Source:
    """One thing to open: a shapefile with its parts, a GeoPackage, GeoJSON, DXF, KML or table.

    `name` is the sender's, for people; `path` is ours. `parts` maps the suffixes of a shapefile to
    the files present. `wkt` and `cpg` are the texts of its .prj and .cpg.
    """

    name: str
    kind: str
    path: Path
    parts: dict[str, Path] = field(default_factory=dict)
    wkt: str | None = None
    cpg: str | None = None


def shown(name: str) -> str:
    """Return a name fit to be printed: control and direction characters are made visible."""
    return "".join(
        c if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp") else f"\\u{ord(c):04x}"
        for c in name
    )[:200]


def check_name(name: str) -> None:
    """Refuse a name that is no plain relative path.

    Raises
    ------
    Problem
        ``reader.name.*``
    """
    if any(unicodedata.category(c) in ("Cc", "Zl", "Zp") for c in name):
        raise Problem("reader.name.control", name=shown(name))
    path = name.replace("\\", "/")
    if path.lower().startswith("/vsi"):
        raise Problem("reader.name.virtual", name=shown(name))
    if path.startswith("/") or (len(path) > 1 and path[1] == ":"):
        raise Problem("reader.name.absolute", name=shown(name))
    if ".." in PurePosixPath(path).parts:
        raise Problem("reader.name.climbs", name=shown(name))
    if len(path) > limits()["archive"]["name_length"]:
        raise Problem("reader.name.long", name=shown(name)[:60])
    if path.lower().endswith(_FORBIDDEN):
        raise Problem("reader.name.virtual", name=shown(name))


def sources(path: Path, filename: str, workdir: Path) -> tuple[list[Source], list[str]]:
    """Return what the file at `path` holds, copied into `workdir` under names of ours.

    Parameters
    ----------
    path : Path
        A zip, GeoPackage or GeoJSON file; a .shp beside its parts; or a folder of loose files.
    filename : str
        The name its sender gave it.
    workdir : Path
        An empty folder of our own.

    Returns
    -------
    sources : list of Source
    ignored : list of str
        Names that were not read, for the report.

    Raises
    ------
    Problem
        ``reader.name.*``, ``reader.zip.*``, ``reader.kind.*``, ``reader.part.*``
    """
    check_name(filename)
    if path.is_symlink():
        raise Problem("reader.zip.link", name=shown(filename))
    if path.is_dir():
        members = _loose(sorted(path.iterdir()), workdir)
        return _grouped(members)
    head = _head(path)
    if not head:
        raise Problem("reader.kind.empty", name=shown(filename))
    if head.startswith(_ZIP) and filename.lower().endswith(_WORKBOOK):
        return _grouped(_loose([path], workdir, {path: filename}))
    if head.startswith((_ZIP, _ZIP_EMPTY)):
        refuse_own(path, shown(filename))
        return _grouped(_unzipped(path, filename, workdir))
    if Path(filename).suffix.lower() == ".shp":
        beside = [p for p in sorted(path.parent.iterdir()) if p.stem == path.stem]
        return _grouped(_loose(beside, workdir, {path: filename}))
    return _grouped(_loose([path], workdir, {path: filename}))


def members(path: Path, filename: str, workdir: Path) -> list[tuple[str, Path]]:
    """Return what a zip holds, or the file alone, as the sender's name and a copy under ours.

    Raises
    ------
    Problem
        ``reader.name.*``, ``reader.zip.*``, ``reader.kind.empty``
    """
    check_name(filename)
    head = _head(path)
    if not head:
        raise Problem("reader.kind.empty", name=shown(filename))
    if head.startswith((_ZIP, _ZIP_EMPTY)):
        return _unzipped(path, filename, workdir)
    return _loose([path], workdir, {path: filename})


def _head(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(512)


def _loose(
    paths: list[Path], workdir: Path, names: dict[Path, str] | None = None
) -> list[tuple[str, Path]]:
    members: list[tuple[str, Path]] = []
    for path in paths:
        name = (names or {}).get(path, path.name)
        check_name(name)
        if path.is_symlink():
            raise Problem("reader.zip.link", name=shown(name))
        if path.is_file():
            target = workdir / f"m{len(members):05d}"
            with path.open("rb") as stream:
                _copy(stream, target, limits()["archive"]["total_bytes"], None, name)
            members.append((name, target))
    return members


def _copy(stream: BinaryIO, target: Path, most: int, packed: int | None, name: str) -> int:
    allowed = limits()["archive"]
    written = 0
    with target.open("xb") as out:
        while chunk := stream.read(_CHUNK):
            written += len(chunk)
            swells = (
                packed is not None
                and written > allowed["ratio_from_bytes"]
                and written > allowed["ratio"] * max(packed, 1)
            )
            if written > most or written > allowed["entry_bytes"] or swells:
                raise Problem("reader.zip.bomb", name=shown(name))
            out.write(chunk)
    return written


def _unzipped(path: Path, filename: str, workdir: Path) -> list[tuple[str, Path]]:
    allowed = limits()["archive"]
    try:
        with zipfile.ZipFile(path) as archive:
            listed = archive.infolist()
            if len(listed) > allowed["entries"]:
                raise Problem("reader.zip.entries", name=shown(filename), most=allowed["entries"])
            named = [(_entry_name(entry), entry) for entry in listed]
            for name, entry in named:
                _check_entry(name, entry)
            left = allowed["total_bytes"]
            members: list[tuple[str, Path]] = []
            for name, entry in named:
                if entry.is_dir() or _ours_to_ignore(name):
                    continue
                target = workdir / f"m{len(members):05d}"
                with archive.open(entry) as stream:
                    left -= _copy(stream, target, left, entry.compress_size, name)  # type: ignore[arg-type]
                members.append((name, target))
            return members
    except _BROKEN as error:
        raise Problem("reader.zip.broken", name=shown(filename)) from error
    except RuntimeError as error:  # zipfile says an encrypted member in this way
        raise Problem("reader.zip.locked", name=shown(filename)) from error


def _entry_name(entry: zipfile.ZipInfo) -> str:
    """Return the member's name: without the UTF-8 flag mostly GBK, which zipfile reads as 437.

    The original bytes are looked at (`orig_filename`): `filename` ends at the first NUL.
    """
    if entry.flag_bits & 0x800:
        return entry.orig_filename
    raw = entry.orig_filename.encode("cp437", "replace")
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return entry.orig_filename


def _ours_to_ignore(name: str) -> bool:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return (
        "__MACOSX" in parts
        or parts[-1].startswith("._")
        or parts[-1].lower()
        in (
            ".ds_store",
            "thumbs.db",
            "desktop.ini",
        )
    )


def _check_entry(name: str, entry: zipfile.ZipInfo) -> None:
    check_name(name)
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind and kind not in (stat.S_IFREG, stat.S_IFDIR):
        raise Problem("reader.zip.link", name=shown(name))
    if entry.flag_bits & 0x1:
        raise Problem("reader.zip.locked", name=shown(name))
    if _ours_to_ignore(name):
        return
    if name.lower().endswith(_NESTED):
        raise Problem("reader.zip.nested", name=shown(name))


def _grouped(members: list[tuple[str, Path]]) -> tuple[list[Source], list[str]]:
    """Return the sources among the members, and the names of what is none."""
    shapes: dict[str, dict[str, tuple[str, Path]]] = {}
    found: list[Source] = []
    ignored: list[str] = []
    for name, path in members:
        plain = name.replace("\\", "/")
        suffix = PurePosixPath(plain).suffix.lower()
        if suffix in _READ or (len(members) == 1 and suffix not in (_WORKBOOK, *_OFFICE)):
            refuse_own(path, shown(name))
        if suffix == _WORKBOOK:
            _check_workbook(path, name)
            found.append(_renamed(Source(_stem(plain), "XLSX", path), ".xlsx"))
        elif suffix in _OFFICE:
            ignored.append(shown(name))
        elif _head(path).startswith(_ZIP):
            raise Problem("reader.zip.nested", name=shown(name))
        elif suffix in SHAPE_PARTS:
            stem = plain[: -len(suffix)].casefold()
            shapes.setdefault(stem, {})[suffix] = (plain, path)
        elif _head(path).startswith(_SQLITE):
            found.append(_renamed(Source(_stem(plain), "GPKG", path), ".gpkg"))
        elif suffix in (".geojson", ".json") or _looks_json(path):
            if not _looks_json(path):
                raise Problem("reader.kind.mismatch", name=shown(name))
            found.append(_renamed(Source(_stem(plain), "GeoJSON", path), ".geojson"))
        elif suffix == ".dxf" or _DRAWING.match(_head(path)):
            if not _DRAWING.match(_head(path)):
                binary = _head(path).startswith(_BINARY_DRAWING)
                code = "reader.kind.binary_dxf" if binary else "reader.kind.mismatch"
                raise Problem(code, name=shown(name))
            found.append(_renamed(Source(_stem(plain), "DXF", path), ".dxf"))
        elif suffix == ".kml":
            found.append(_renamed(Source(_stem(plain), "KML", path), ".kml"))
        elif suffix == ".csv":
            found.append(_renamed(Source(_stem(plain), "CSV", path), ".csv"))
        elif suffix == ".gpkg":
            raise Problem("reader.kind.mismatch", name=shown(name))
        else:
            ignored.append(shown(name))
    found.extend(_shape(number, parts) for number, parts in enumerate(shapes.values()))
    if not found:
        raise Problem("reader.kind.none", names="、".join(ignored[:5]) or "—")
    if len(found) > limits()["layers"]:
        raise Problem("reader.kind.many", most=limits()["layers"])
    return _told_apart(found), ignored


def _check_workbook(path: Path, name: str) -> None:
    """Refuse a workbook whose parts swell, climb or are too many, before anybody opens it."""
    allowed = limits()["archive"]
    if not _head(path).startswith(_ZIP):
        raise Problem("reader.kind.mismatch", name=shown(name))
    try:
        with zipfile.ZipFile(path) as archive:
            listed = archive.infolist()
            if len(listed) > allowed["entries"]:
                raise Problem("reader.zip.entries", name=shown(name), most=allowed["entries"])
            left = allowed["workbook_bytes"]
            for entry in listed:
                _check_entry(_entry_name(entry), entry)
                with archive.open(entry) as stream:
                    left -= _measured(stream, left, entry.compress_size, name)
            if not any(entry.filename == "xl/workbook.xml" for entry in listed):
                raise Problem("reader.kind.mismatch", name=shown(name))
    except _BROKEN as error:
        raise Problem("reader.zip.broken", name=shown(name)) from error
    except RuntimeError as error:
        raise Problem("reader.zip.locked", name=shown(name)) from error


def _measured(stream: IO[bytes], most: int, packed: int, name: str) -> int:
    """Return how many bytes a part unpacks to, keeping none of them."""
    allowed = limits()["archive"]
    size = 0
    while chunk := stream.read(_CHUNK):
        size += len(chunk)
        swells = size > allowed["ratio_from_bytes"] and size > allowed["ratio"] * max(packed, 1)
        if size > most or swells:
            raise Problem("reader.zip.bomb", name=shown(name))
    return size


def _told_apart(found: list[Source]) -> list[Source]:
    """Return the sources by name; those of one name in several folders get a number."""
    seen: dict[str, int] = {}
    for one in sorted(found, key=lambda one: one.name):
        seen[one.name] = seen.get(one.name, 0) + 1
        if seen[one.name] > 1:
            one.name = f"{one.name} ({seen[one.name]})"
    return sorted(found, key=lambda one: one.name)


def _stem(name: str) -> str:
    return shown(PurePosixPath(name).stem)


def _looks_json(path: Path) -> bool:
    return _head(path).removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"{", b"["))


def _renamed(source: Source, suffix: str) -> Source:
    source.path = source.path.rename(source.path.with_suffix(suffix))
    return source


def _shape(number: int, parts: dict[str, tuple[str, Path]]) -> Source:
    some = next(iter(parts.values()))[0]
    stem = _stem(some)
    if ".shp" not in parts:
        raise Problem("reader.part.no_shp", name=stem, has="、".join(sorted(parts)))
    name, path = parts[".shp"]
    head = _head(path)
    if len(head) < 100:
        raise Problem("reader.part.truncated", name=shown(name))
    if not head.startswith(_SHAPE):
        # No table would make a shapefile of it.
        raise Problem("reader.kind.mismatch", name=shown(name))
    if ".dbf" not in parts:
        raise Problem("reader.part.no_dbf", name=stem)
    ours = {
        suffix: at.rename(at.with_name(f"s{number:05d}{suffix}"))
        for suffix, (_, at) in parts.items()
        if suffix in (".shp", ".shx", ".dbf")
    }
    if ".shx" in ours and not _sound_index(ours[".shx"]):
        ours.pop(".shx").unlink()
    _check_lengths(name, ours)
    source = Source(stem, "ESRI Shapefile", ours[".shp"], ours)
    source.wkt = _text(parts.get(".prj"), 20_000)
    source.cpg = _text(parts.get(".cpg"), 200)
    return source


def shape_count(parts: dict[str, Path]) -> int:
    """Return how many shapes a .shp holds: by its index, else by walking it."""
    if ".shx" in parts:
        return (parts[".shx"].stat().st_size - 100) // 8
    count, at, size = 0, 100, parts[".shp"].stat().st_size
    with parts[".shp"].open("rb") as stream:
        while at + 8 <= size:
            stream.seek(at + 4)
            at += 8 + 2 * int.from_bytes(stream.read(4), "big")
            count += 1
    return count


def _sound_index(path: Path) -> bool:
    head, size = _head(path), path.stat().st_size
    stated = 2 * int.from_bytes(head[24:28], "big")
    return head.startswith(_SHAPE) and size == stated and size >= 100 and (size - 100) % 8 == 0


def _check_lengths(name: str, parts: dict[str, Path]) -> None:
    """Refuse a file that is shorter than its own header says: rows would be lost in silence."""
    with parts[".shp"].open("rb") as stream:
        stated = 2 * int.from_bytes(stream.read(28)[24:28], "big")
    if parts[".shp"].stat().st_size < stated:
        raise Problem("reader.part.truncated", name=shown(name))
    head = _head(parts[".dbf"])
    size = parts[".dbf"].stat().st_size
    if len(head) < 33 or size < (
        int.from_bytes(head[8:10], "little")
        + int.from_bytes(head[4:8], "little") * int.from_bytes(head[10:12], "little")
    ):
        raise Problem("reader.part.truncated", name=f"{shown(name)[:-4]}.dbf")


def _text(part: tuple[str, Path] | None, most: int) -> str | None:
    if part is None:
        return None
    name, path = part
    data = path.read_bytes()[: most + 1] if path.stat().st_size <= most else None
    if data is None or b"\x00" in data:
        raise Problem("reader.part.not_text", name=shown(name))
    if any(mark in data[:2000].lower() for mark in _HTML):
        raise Problem("reader.part.html", name=shown(name))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        # MapGIS writes Chinese names into a .prj, in GBK.
        text = data.decode("gb18030", "replace")
    return text.strip() or None

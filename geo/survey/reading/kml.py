"""A KML's placemarks, read by expat with every document type refused.

Runs in the confined child. GDAL's own readers leave out what stands under ``ExtendedData`` without
a schema, which is where mine files keep their attributes, so they are not used. Coordinates are
WGS 84 degrees by the standard (OGC 12-007r2).
"""

import struct
import xml.parsers.expat
from typing import Any, BinaryIO

_DEEPEST = 64
_CHUNK = 1 << 16
_POINT, _LINE, _POLYGON = 1, 2, 3
_COLLECTION = {_POINT: 4, _LINE: 5, _POLYGON: 6}
_ANY = 7
_SHAPES = {"Point": _POINT, "LineString": _LINE, "LinearRing": _LINE, "Polygon": _POLYGON}
# Words of a placemark that are attributes; styles, views and regions are not.
_WORDS = ("name", "description", "address")
Ring = list[tuple[float, float]]


class Refused(Exception):  # noqa: N818 -- nothing went wrong, it is not taken
    """What the file holds is not taken."""


def _ring(points: Ring) -> bytes:
    return struct.pack("<I", len(points)) + b"".join(struct.pack("<2d", *one) for one in points)


def _wkb(kind: int, rings: list[Ring]) -> bytes:
    head = struct.pack("<BI", 1, kind)
    if kind == _POINT:
        return head + struct.pack("<2d", *rings[0][0])
    if kind == _LINE:
        return head + _ring(rings[0])
    return head + struct.pack("<I", len(rings)) + b"".join(_ring(one) for one in rings)


def _gathered(parts: list[tuple[int, bytes]]) -> bytes | None:
    if len(parts) < 2:
        return parts[0][1] if parts else None
    found = {kind for kind, _ in parts}
    outer = _COLLECTION[found.pop()] if len(found) == 1 else _ANY
    return struct.pack("<BII", 1, outer, len(parts)) + b"".join(wkb for _, wkb in parts)


def _coordinates(text: str) -> Ring:
    made = []
    for word in text.split():
        numbers = word.split(",")
        try:
            made.append((float(numbers[0]), float(numbers[1])))
        except (ValueError, IndexError):
            # The row is refused by name later, with the rest of the file read.
            made.append((float("nan"), float("nan")))
    return made


class _Reader:
    def __init__(self, rows: int, columns: int) -> None:
        self.most = (rows, columns)
        self.path: list[str] = []
        self.folders: list[list[str]] = []
        self.text: list[str] = []
        self.rows: list[tuple[list[str], dict[str, str], bytes | None]] = []
        self.columns: dict[str, None] = {}
        self.row: dict[str, str] | None = None
        self.parts: list[tuple[int, bytes]] = []
        self.rings: list[Ring] = []
        self.key: str | None = None

    def doctype(self, *_: Any) -> None:
        raise Refused("doctype")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        tag = name.rpartition(":")[2]
        if len(self.path) >= _DEEPEST:
            raise Refused("deep")
        self.path.append(tag)
        self.text = []
        if tag in ("Document", "Folder"):
            self.folders.append([""])
        elif tag == "Placemark":
            if len(self.rows) >= self.most[0]:
                raise Refused("rows")
            self.row, self.parts = {}, []
        elif tag in ("Data", "SimpleData"):
            self.key = attributes.get("name")
        elif tag in _SHAPES and "Polygon" not in self.path[:-1]:
            self.rings = []

    def characters(self, data: str) -> None:
        self.text.append(data)

    def end(self, name: str) -> None:
        tag = name.rpartition(":")[2]
        text = "".join(self.text).strip()
        self.path.pop()
        parent = self.path[-1] if self.path else ""
        if tag == "coordinates" and self.row is not None:
            self.rings.append(_coordinates(text))
        elif tag in _SHAPES and self.row is not None and "Polygon" not in self.path:
            self._shape(_SHAPES[tag])
        elif tag in _WORDS and parent in ("Document", "Folder") and tag == "name":
            self.folders[-1][0] = text
        elif tag in _WORDS and parent == "Placemark":
            self._say(tag, text)
        elif (tag == "value" and parent == "Data") or tag == "SimpleData":
            if self.key:
                self._say(self.key, text)
        elif tag == "Placemark" and self.row is not None:
            folder = self.folders[-1] if self.folders else [""]
            self.rows.append((folder, self.row, _gathered(self.parts)))
            self.row = None
        elif tag in ("Document", "Folder"):
            self.folders.pop()
        self.text = []

    def _say(self, key: str, text: str) -> None:
        if self.row is not None and text:
            self.columns[key] = None
            if len(self.columns) > self.most[1]:
                raise Refused("columns")
            self.row[key] = text

    def _shape(self, kind: int) -> None:
        rings = [ring for ring in self.rings if ring]
        if rings:
            self.parts.append((kind, _wkb(kind, rings)))
        self.rings = []


def read(
    stream: BinaryIO, rows: int, columns: int
) -> tuple[list[str], list[tuple[str, dict[str, str], bytes | None]]]:
    """Return the attribute names, and of each placemark its folder, attributes and WKB.

    Parameters
    ----------
    stream : binary file
    rows, columns : int
        The most that are taken.

    Raises
    ------
    Refused
        ``doctype``, ``deep``, ``rows`` or ``columns``.
    xml.parsers.expat.ExpatError
        Where the XML is not sound.
    """
    reader = _Reader(rows, columns)
    parser = xml.parsers.expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = reader.doctype
    parser.EntityDeclHandler = reader.doctype
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.characters
    while data := stream.read(_CHUNK):
        parser.Parse(data, False)
    parser.Parse(b"", True)
    # A folder may be named after its placemarks: the name is looked up when all is read.
    return list(reader.columns), [(folder[0], row, wkb) for folder, row, wkb in reader.rows]

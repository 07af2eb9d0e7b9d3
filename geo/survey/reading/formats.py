"""One function per format, from a source to its layers; all end in the same shape, `Raw`.

What strangers wrote is opened by the confined child; here its answer is only put in order.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from geo.geometry import Shapes, kinds
from geo.problems import Problem
from geo.survey.check import Mask, Word
from geo.survey.layers import Layer, fold, guess_layer, layers
from geo.survey.reading import archive, corners, encoding, parent
from geo.survey.reading import crs as systems
from geo.survey.reading.archive import Source
from geo.survey.reading.crs import Said, said
from geo.survey.reading.result import Notes, ReadOptions

# Entities that write on a drawing and are no shapes of it, by their subclass.
_WRITING = (
    *("AcDbText", "AcDbMText", "AcDbAttributeDefinition"),
    *("AcDbDimension", "AcDbLeader", "AcDbMLeader"),
)
_HATCH = "AcDbHatch"
# AutoCAD's own layer of construction points, never plotted.
_UNPLOTTED = "defpoints"
_KNOWN = {
    *("POINT", "LINE", "LWPOLYLINE", "POLYLINE", "VERTEX", "SEQEND", "CIRCLE", "ELLIPSE", "ARC"),
    *("SPLINE", "HELIX", "INSERT", "ATTRIB", "ATTDEF", "TEXT", "MTEXT", "HATCH", "3DFACE", "SOLID"),
    *("TRACE", "DIMENSION", "LEADER", "MULTILEADER", "MLEADER", "MLINE"),
}
_DRAWN = ("Layer", "EntityHandle", "Linetype", "Text", "BlockName")
_ENTITY = {*_DRAWN, "SubClasses", "PaperSpace", "BlockAttributes"}
_WGS84 = 4326


@dataclass
class Raw:
    """One layer as it came: nothing checked yet, geometry in the file's own coordinates.

    `refused` are rows that a format's own rules refuse already; `closed` those whose rings were
    closed. `spans` says where in its sheet a row stands. `kind` is the layer type, None where it
    must be asked; `recalled`: it is as the sender's organisation settled it earlier.
    """

    name: str
    kind: str | None
    columns: list[str]
    cells: dict[str, list[Any]]
    shapes: Shapes
    unreadable: Mask
    closed: list[int] = field(default_factory=list)
    refused: dict[int, Word] = field(default_factory=dict)
    declared: str | None = None
    encoding: str = "UTF-8"
    reason: Said = field(default_factory=lambda: said("reader.encoding.format"))
    spans: list[str] | None = None
    recalled: bool = False


@dataclass
class Asked:
    """What a reader is given beside its source."""

    folder: Path
    options: ReadOptions
    notes: Notes
    alone: bool

    def kind(self, name: str, columns: list[str]) -> str | None:
        """Return the layer type of a source: what a person said, else what its name says."""
        found = self.options.layers.get(name) or self.options.layer
        return found or self._recalled(name) or guess_layer(name.rpartition("/")[2], columns)

    def _recalled(self, name: str) -> str | None:
        known = self.options.remembered_layers.get(fold(name))
        return known if known in layers() else None

    def recalled(self, name: str) -> bool:
        """Tell whether a source's type is only as it was settled earlier."""
        told = self.options.layers.get(name) or self.options.layer
        return told is None and self._recalled(name) is not None


def shapefile(source: Source, asked: Asked) -> Iterator[Raw]:
    """Read a shapefile: the text of its .dbf in the encoding found for it."""
    coding, reason = _dbf_encoding(source, asked)
    table, geometry, _ = parent.read_layer(source, source.path.stem, coding, asked.folder)
    dbf = encoding.read_dbf(source.parts[".dbf"], source.name)
    count = archive.shape_count(source.parts)
    # Shapes and attributes that do not pair up: whose they are is unknown.
    if count != dbf.rows or table.num_rows != dbf.rows - dbf.deleted:
        raise Problem("reader.part.counts", name=source.name, shapes=count, rows=dbf.rows)
    yield _of_table(
        table, geometry, source.name, asked,
        declared=source.wkt, encoding=coding.upper(), reason=reason,
    )  # fmt: skip


def database(source: Source, asked: Asked) -> Iterator[Raw]:
    """Read every layer of a GeoPackage."""
    found, only = _with_shapes(source, asked)
    for layer_name in found:
        shown = archive.shown(layer_name)
        name = shown if asked.alone or len(found) == 1 else f"{source.name}/{shown}"
        table, geometry, declared = only or parent.read_layer(
            source, layer_name, None, asked.folder
        )
        yield _of_table(table, geometry, name, asked, declared=systems.as_wkt(declared))


def geojson(source: Source, asked: Asked) -> Iterator[Raw]:
    """Read a GeoJSON."""
    found, only = _with_shapes(source, asked)
    for layer_name in found:
        table, geometry, declared = only or parent.read_layer(
            source, layer_name, None, asked.folder
        )
        yield _of_table(table, geometry, source.name, asked, declared=systems.as_wkt(declared))


def drawing(source: Source, asked: Asked) -> Iterator[Raw]:
    """Read a DXF: each of its layers by itself, blocks as points, writing as labels.

    Text in a layer names the closed outline it stands in. A hatch counts only in a layer that has
    no outlines: it fills one. What lies in paper space belongs to the sheet and not to the ground.
    """
    coding, reason = _text_encoding(source, asked)
    table, answered = parent.read_whole("drawing", source, coding, asked.folder, _ENTITY)
    shapes, unreadable, closed = shapes_of(table, answered.geometry)
    left = {n: c for n, c in answered.entities.items() if n not in _KNOWN}
    if left:
        asked.notes.add(
            "warned", "reader.layer.dxf_left", source_name=source.name, name=source.name,
            rows=sum(left.values()),
            types="、".join(archive.shown(one) for one in sorted(left)[:10]),
        )  # fmt: skip
    cells = {name: table.column(name).to_pylist() for name in table.column_names}
    on = np.array([one or "0" for one in cells["Layer"]], dtype=object)
    sorts = [one or "" for one in cells["SubClasses"]]
    writing = np.array([any(word in one.split(":") for word in _WRITING) for one in sorts], bool)
    hatch = np.array([_HATCH in one.split(":") for one in sorts], dtype=bool)
    paper = np.array([bool(one) for one in cells["PaperSpace"]], dtype=bool)
    aside = 0
    for layer_name in sorted(set(on) - {one for one in on if one.casefold() == _UNPLOTTED}):
        here = (on == layer_name) & ~paper
        outlined = bool((here & ~hatch & ~writing & (kinds(shapes) == "line")).any())
        rows = np.flatnonzero(here & ~writing & ~(hatch & outlined))
        shown = archive.shown(layer_name)
        kind = asked.kind(shown, [])
        if not len(rows):
            continue
        own, attributes = shapes[rows].copy(), _attributes(cells, rows)
        if kind is not None and "polygon" in layers()[kind].geometry:
            own = _filled(own)
        labels = np.flatnonzero(here & writing)
        _label(attributes, own, shapes[labels], [cells["Text"][row] for row in labels])
        aside += int((here & (writing | (hatch & outlined))).sum())
        position = {int(row): at for at, row in enumerate(rows)}
        yield Raw(
            name=shown if asked.alone else f"{source.name}/{shown}",
            kind=kind,
            columns=list(attributes),
            cells=attributes,
            shapes=own,
            unreadable=unreadable[rows],
            closed=[position[row] for row in closed if row in position],
            encoding=coding.upper(),
            reason=reason,
        )
    if aside or paper.any():
        asked.notes.add(
            "warned", "reader.layer.dxf_aside", source_name=source.name, name=source.name,
            rows=aside, paper=int(paper.sum()),
        )  # fmt: skip


def _attributes(cells: dict[str, list[Any]], rows: Any) -> dict[str, list[Any]]:
    """Return the attributes of some entities, a block's own by their tags."""
    made: dict[str, list[Any]] = {
        name: [cells[name][row] or None for row in rows] for name in _DRAWN
    }
    for at, row in enumerate(rows):
        for one in cells["BlockAttributes"][row] or ():
            tag, _, value = str(one).partition(" ")
            name = tag if tag not in _DRAWN else f"{tag} (2)"
            made.setdefault(name, [None] * len(rows))[at] = value or None
    return {name: column for name, column in made.items() if any(column) or name == "Layer"}


def _filled(shapes: Shapes) -> Shapes:
    """Return the shapes with closed lines as the polygons they bound."""
    lines = shapely.get_type_id(shapes) == 1
    ring = lines & shapely.is_closed(shapes) & (shapely.get_num_coordinates(shapes) >= 4)
    shapes[ring] = [shapely.Polygon(shapely.get_coordinates(one)) for one in shapes[ring]]
    return shapes


def _label(
    attributes: dict[str, list[Any]], shapes: Shapes, places: Shapes, texts: list[str | None]
) -> None:
    """Give each polygon the texts that stand in it."""
    polygons = np.flatnonzero(kinds(shapes) == "polygon")
    here = [i for i, text in enumerate(texts) if text and not shapely.is_missing(places[i])]
    if not len(polygons) or not here:
        return
    with np.errstate(invalid="ignore"):
        points = shapely.centroid(places[here])
        found = shapely.STRtree(shapes[polygons]).query(points, predicate="intersects")
    column = attributes.setdefault("Text", [None] * len(shapes))
    for i, j in sorted(found.T.tolist()):
        row = int(polygons[j])
        words = [column[row], texts[here[i]]]
        column[row] = " ".join(word for word in words if word)


def placemarks(source: Source, asked: Asked) -> Iterator[Raw]:
    """Read a KML: the placemarks of each folder by themselves; its degrees are WGS 84."""
    table, answered = parent.read_whole(
        "placemarks", source, None, asked.folder, ("folder", "shape")
    )
    shapes, unreadable, closed = shapes_of(table, "shape")
    names = answered.columns
    folders = np.array([one or "" for one in table.column("folder").to_pylist()], dtype=object)
    several = len(set(folders)) > 1
    for folder in sorted(set(folders)):
        rows = np.flatnonzero(folders == folder)
        shown = archive.shown(folder) or source.name
        cells = {}
        for number, name in enumerate(names):
            column = table.column(f"c{number}").to_pylist()
            if any(column[row] is not None for row in rows):
                cells[name] = [column[row] for row in rows]
        # A single folder often bears a name of no meaning; then the file's own name speaks.
        name = shown if several or guess_layer(shown) else source.name
        position = {int(row): at for at, row in enumerate(rows)}
        yield Raw(
            name=name if asked.alone or not several else f"{source.name}/{name}",
            kind=asked.kind(name, list(cells)),
            columns=list(cells),
            cells=cells,
            shapes=shapes[rows],
            unreadable=unreadable[rows],
            closed=[position[row] for row in closed if row in position],
            declared=systems.as_wkt(f"EPSG:{_WGS84}"),
        )


def text_table(source: Source, asked: Asked) -> Iterator[Raw]:
    """Read a CSV of corner points."""
    coding, reason = _text_encoding(source, asked)
    yield from _corners("table", source, asked, coding, reason)


def workbook(source: Source, asked: Asked) -> Iterator[Raw]:
    """Read the corner points of every sheet of a workbook."""
    yield from _corners("workbook", source, asked, None, said("reader.encoding.format"))


def _corners(
    what: str, source: Source, asked: Asked, coding: str | None, reason: Said
) -> Iterator[Raw]:
    table, answered = parent.read_whole(what, source, coding, asked.folder, ("sheet", "cells"))
    sheets: list[list[Any]] = [[] for _ in answered.sheets]
    for number, row in zip(
        table.column("sheet").to_pylist(), table.column("cells").to_pylist(), strict=True
    ):
        if not 0 <= number < len(sheets):
            raise Problem("reader.child.died", name=source.name)
        sheets[number].append(row)
    full = [
        (archive.shown(name), rows)
        for name, rows in zip(answered.sheets, sheets, strict=True)
        if any(any(row) for row in rows)
    ]
    for sheet, rows in full:
        head = corners.head_of(rows)
        if head is None:
            asked.notes.add("warned", "reader.corners.no_head", name=sheet or source.name)
            continue
        name = source.name
        if sheet and (len(full) > 1 or guess_layer(sheet)):
            name = sheet if asked.alone else f"{source.name}/{sheet}"
        kind = asked.kind(name, list(head.columns.values()))
        found = corners.assemble(rows, head, _layer(kind))
        yield Raw(
            name=name,
            kind=kind,
            columns=found.columns,
            cells=found.cells,
            shapes=found.shapes,
            unreadable=np.zeros(len(found.shapes), dtype=bool),
            refused=found.refused,
            encoding=(coding or "utf-8").upper(),
            reason=reason,
            spans=found.spans,
        )


def _layer(kind: str | None) -> Layer | None:
    return None if kind is None else layers()[kind]


def _with_shapes(source: Source, asked: Asked) -> tuple[list[str], parent.Read | None]:
    """Return the layers of a file that have shapes; and the rows, where there is only one layer."""
    found, tables, only = parent.list_layers(source, asked.folder)
    for name in tables:
        asked.notes.add("warned", "reader.layer.no_shapes", name=archive.shown(name))
    return found, only


def _dbf_encoding(source: Source, asked: Asked) -> tuple[str, Said]:
    dbf = encoding.read_dbf(source.parts[".dbf"], source.name)
    about = {"source_name": source.name, "name": source.name}
    if dbf.deleted:
        asked.notes.add("warned", "reader.layer.deleted", **about, rows=dbf.deleted)  # type: ignore[arg-type]
    if ".shx" not in source.parts:
        asked.notes.add("warned", "reader.layer.shx", **about)  # type: ignore[arg-type]
    data = [one for one in (*dbf.names, *dbf.text) if not one.isascii()]
    return (
        _chosen(asked, source)
        or _settled(asked, source, lambda name: encoding.reads(data, name))
        or encoding.decide(dbf, source.cpg)
    )


def _text_encoding(source: Source, asked: Asked) -> tuple[str, Said]:
    return (
        _chosen(asked, source)
        or _settled(asked, source, lambda name: encoding.file_reads(source.path, name))
        or encoding.decide_text(source.path)
    )


def _chosen(asked: Asked, source: Source) -> tuple[str, Said] | None:
    of_it = asked.options.encodings_said(source.name, asked.alone)
    wanted = of_it[-1] if of_it else asked.options.encoding
    if not wanted:
        return None
    name = encoding.chosen(wanted)
    return name, said("reader.encoding.chosen", name=name.upper())


def _settled(asked: Asked, source: Source, fits: Callable[[str], bool]) -> tuple[str, Said] | None:
    """Return the encoding its sender settled earlier for a source of this name, if it fits now.

    Not where that is undone for this file: then it is found out.
    """
    known = asked.options.remembered_encodings.get(fold(source.name))
    undone = bool(asked.options.encodings_said(source.name, asked.alone))
    if known is None or undone or not fits(known):
        return None
    return known, said("reader.encoding.remembered", name=known.upper())


def _of_table(
    table: pa.Table,
    geometry: str | None,
    name: str,
    asked: Asked,
    *,
    declared: str | None,
    encoding: str = "UTF-8",
    reason: Said | None = None,
) -> Raw:
    shapes, unreadable, closed = shapes_of(table, geometry)
    columns = [column for column in table.column_names if column != geometry]
    return Raw(
        name=name,
        kind=asked.kind(name, columns),
        columns=columns,
        cells={column: table.column(column).to_pylist() for column in columns},
        shapes=shapes,
        unreadable=unreadable,
        closed=closed,
        declared=declared,
        encoding=encoding,
        reason=reason or said("reader.encoding.format"),
    )


def shapes_of(table: pa.Table, geometry: str | None) -> tuple[Shapes, Mask, list[int]]:
    """Return the shapes, which could not be read, and the rows whose rings had to be closed."""
    if geometry is None or geometry not in table.column_names:
        shapes = np.full(table.num_rows, None, dtype=object)
        return shapes, np.zeros(table.num_rows, dtype=bool), []
    wkb = np.array(table.column(geometry).to_pylist(), dtype=object)
    # A NaN among the coordinates makes NumPy warn; the check of presence refuses it by name.
    with np.errstate(invalid="ignore"):
        shapes = np.asarray(shapely.from_wkb(wkb, on_invalid="ignore"), dtype=object)
    given = np.array([one is not None for one in wkb], dtype=bool)
    unreadable = shapely.is_missing(shapes) & given
    with np.errstate(invalid="ignore"):
        shapes[unreadable] = shapely.from_wkb(wkb[unreadable], on_invalid="fix")
    closed = np.flatnonzero(unreadable & ~shapely.is_missing(shapes))
    unreadable[closed] = False
    return shapes, unreadable, [int(row) for row in closed]


READERS: dict[str, Callable[[Source, Asked], Iterator[Raw]]] = {
    "ESRI Shapefile": shapefile,
    "GPKG": database,
    "GeoJSON": geojson,
    "DXF": drawing,
    "KML": placemarks,
    "CSV": text_table,
    "XLSX": workbook,
}

"""From a stranger's file to rows in CGCS2000 with a report of every one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import shapely

from geo.crs import GEOGRAPHIC, transform
from geo.geometry import Shapes
from geo.problems import Problem
from geo.survey import attributes, check
from geo.survey.layers import Layer, guess_layer, layers
from geo.survey.limits import limits
from geo.survey.mend import mend_layer
from geo.survey.reading import archive, datums, encoding, parent
from geo.survey.reading import crs as systems
from geo.survey.reading.archive import Source
from geo.survey.reading.crs import CrsProposal, Said, said
from geo.survey.reading.result import LayerRead, Notes, ReadOptions, ReadResult

Progress = Callable[[str, int, int], None]


def read_file(
    path: Path,
    options: ReadOptions | None = None,
    *,
    workdir: Path,
    progress: Progress | None = None,
    filename: str | None = None,
) -> ReadResult:
    """Read a file into survey rows, with a report of every row.

    Parameters
    ----------
    path : Path
        A zip of shapefiles, GeoPackages or GeoJSONs; one of these alone; a folder of loose parts.
    options : ReadOptions, optional
        What the sender knows better than the file.
    workdir : Path
        A folder for unpacking; it is left as it was.
    progress : callable, optional
        Told ``(stage, done, total)``; stages are ``unpack``, ``read``, ``check``.
    filename : str, optional
        The name its sender gave the file, where `path` has another.

    Returns
    -------
    ReadResult
        Rows in = stored + refused, for every layer.

    Raises
    ------
    Problem
        ``reader.*``, where nothing of the file can be taken.
    """
    options = options or ReadOptions()
    tell = progress or (lambda stage, done, total: None)
    name = filename or path.name
    if not path.exists():
        raise Problem("reader.kind.missing", name=archive.shown(name))
    _check_options(options)
    notes = Notes()
    read: list[LayerRead] = []
    tell("unpack", 0, 1)
    with parent.room(workdir) as folder:
        found, ignored = archive.sources(path, name, folder)
        for other in ignored:
            notes.add("warned", "reader.file.ignored", name=other)
        parent.hand_over(folder)
        for done, source in enumerate(found):
            tell("read", done, len(found))
            inside = _layer_names(source, folder, notes)
            for layer_name in inside:
                name = _name(source, layer_name, alone=len(found) == 1 or len(inside) == 1)
                read.append(_read_layer(source, layer_name, name, options, folder, notes))
            tell("check", done + 1, len(found))
    if not read:
        raise Problem("reader.kind.no_layer", name=archive.shown(name))
    return ReadResult(read, notes.frame())


def _check_options(options: ReadOptions) -> None:
    for name in (options.layer, *options.layers.values()):
        if name is not None and name not in layers():
            raise Problem("reader.option.layer", layer=name)
    if options.crs is not None:
        try:
            systems.decide(None, np.empty((0, 2)), chosen=options.crs)
        except ValueError as error:
            raise Problem("reader.option.crs", epsg=options.crs) from error


def _layer_names(source: Source, folder: Path, notes: Notes) -> list[str]:
    if source.kind == "ESRI Shapefile":
        return [source.path.stem]
    found, tables = parent.list_layers(source, folder)
    for name in tables:
        notes.add("warned", "reader.layer.no_shapes", name=archive.shown(name))
    return found


def _name(source: Source, layer_name: str, *, alone: bool) -> str:
    """Return what a layer is called in the report."""
    if source.kind != "GPKG":
        return source.name
    told = archive.shown(layer_name)
    return told if alone else f"{source.name}/{told}"


def _read_layer(
    source: Source,
    layer_name: str,
    name: str,
    options: ReadOptions,
    folder: Path,
    notes: Notes,
) -> LayerRead:
    shape = source.kind == "ESRI Shapefile"
    coding, reason = _encoding(source, options, notes)
    table, geometry, declared = parent.read_layer(
        source, layer_name, coding if shape else None, folder
    )
    declared = source.wkt if shape else systems.as_wkt(declared)
    if shape:
        _check_counts(source, table.num_rows)
    shapes, unreadable, closed = _shapes(table, geometry)
    columns = [column for column in table.column_names if column != geometry]
    cells = {column: table.column(column).to_pylist() for column in columns}
    raw = [
        dict(zip(columns, (attributes.plain(v) for v in row), strict=True))
        for row in zip(*cells.values(), strict=True)
    ] or [{} for _ in range(len(shapes))]
    kind = (
        options.layers.get(name) or options.layer or guess_layer(name.rpartition("/")[2], columns)
    )
    verdicts = check.Verdicts(len(shapes))
    check.presence(shapes, unreadable, verdicts)
    shapes[~verdicts.alive()] = None
    where = _crs(source, declared, shapes, verdicts, options)
    frame, mapped = _empty(), {}
    if kind is None:
        verdicts.refuse_all(range(len(shapes)), "reader.row.no_layer", name=name)
    elif where.epsg is None:
        verdicts.refuse_all(range(len(shapes)), "reader.row.no_crs", name=name)
    else:
        one = layers()[kind]
        mapped = attributes.mapping(columns, one, options.mapping)
        for row in closed:
            verdicts.mended[row] = check.Word("reader.row.closed", {})
        shapes, made = _checked(
            shapes, cells, raw, mapped, one, where, verdicts, notes, name, options
        )
        frame = _frame(shapes, made, raw, where, verdicts)
        _layer_notes(notes, one, name, columns, mapped, where)
    mended = len([row for row in verdicts.mended if row not in verdicts.refused])
    placed = shapes if where.epsg is not None and kind is not None else None
    _row_notes(notes, verdicts, placed, kind or "", name)
    return LayerRead(
        layer=kind,
        source_name=name,
        rows=len(verdicts.alive()),
        refused=len(verdicts.refused),
        mended=mended,
        warned=len([row for row in verdicts.warned if row not in verdicts.refused]),
        encoding=coding.upper() if coding else "UTF-8",
        encoding_reason=reason,
        samples=raw[: limits()["samples"]],
        crs=where,
        mapping=mapped,
        frame=frame,
    )


def _encoding(source: Source, options: ReadOptions, notes: Notes) -> tuple[str | None, Said]:
    if source.kind != "ESRI Shapefile":
        return None, said("reader.encoding.format")
    dbf = encoding.read_dbf(source.parts[".dbf"], source.name)
    if dbf.deleted:
        notes.add(
            "warned",
            "reader.layer.deleted",
            source_name=source.name,
            name=source.name,
            rows=dbf.deleted,
        )
    if ".shx" not in source.parts:
        notes.add("warned", "reader.layer.shx", source_name=source.name, name=source.name)
    if options.encoding:
        name = encoding.chosen(options.encoding)
        return name, said("reader.encoding.chosen", name=name.upper())
    return encoding.decide(dbf, source.cpg)


def _check_counts(source: Source, rows: int) -> None:
    """Refuse a shapefile whose shapes and attributes do not pair up: whose they are is unknown."""
    dbf = encoding.read_dbf(source.parts[".dbf"], source.name)
    shapes = archive.shape_count(source.parts)
    if shapes != dbf.rows or rows != dbf.rows - dbf.deleted:
        raise Problem("reader.part.counts", name=source.name, shapes=shapes, rows=dbf.rows)


def _shapes(table: pa.Table, geometry: str | None) -> tuple[Shapes, check.Mask, list[int]]:
    """Return the shapes, which could not be read, and the rows whose rings had to be closed."""
    if geometry is None:
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


def _crs(
    source: Source,
    declared: str | None,
    shapes: Shapes,
    verdicts: check.Verdicts,
    options: ReadOptions,
) -> CrsProposal:
    bounds = shapely.bounds(shapes[verdicts.alive()])
    middles = (bounds[:, :2] + bounds[:, 2:]) / 2
    try:
        return systems.decide(
            declared,
            middles,
            chosen=options.crs,
            hint=options.place(),
            local=options.datums,
        )
    except ValueError as error:
        raise Problem("reader.part.prj", name=source.name) from error


def _checked(
    shapes: Shapes,
    cells: attributes.Columns,
    raw: list[dict[str, Any]],
    mapped: dict[str, str],
    layer: Layer,
    where: CrsProposal,
    verdicts: check.Verdicts,
    notes: Notes,
    name: str,
    options: ReadOptions,
) -> tuple[Shapes, attributes.Columns]:
    check.size(shapes, verdicts)
    check.kind(shapes, layer, verdicts)
    shapes = _placed(shapes, where, verdicts, notes, layer, name)
    check.country(shapes, verdicts)
    shapes = mend_layer(shapes, verdicts)
    check.duplicates(shapes, raw, verdicts)
    check.county(shapes, options.county_bbox, verdicts)
    made = attributes.canonical(cells, mapped, layer, verdicts, notes, name)
    attributes.own_mine(made, layer, options.mine_code, verdicts)
    if layer.name == "mine_boundary":
        attributes.name_mines(made, cells, verdicts)
    check.required(made, layer, verdicts)
    check.order(made, layer, verdicts)
    if layer.name == "mine_boundary":
        check.same_mine(made, verdicts)
    return shapes, made


def _placed(
    shapes: Shapes,
    where: CrsProposal,
    verdicts: check.Verdicts,
    notes: Notes,
    layer: Layer,
    name: str,
) -> Shapes:
    """Return the shapes flat, x before y, in CGCS2000; refused rows are left as they are."""
    alive = verdicts.alive()
    placed = shapes.copy()
    tall = int((shapely.has_z(shapes) & alive).sum())
    if tall:
        notes.add("warned", "reader.layer.z_dropped", layer=layer.name, source_name=name, rows=tall)
    flat = shapely.force_2d(shapes[alive])
    if where.swapped:
        flat = shapely.transform(flat, lambda xy: xy[:, ::-1])
    # WGS 84 degrees are taken as they stand: the two frames agree within a metre.
    if where.shift is not None and where.epsg is not None:
        flat = datums.move(flat, where.epsg, where.shift)
    elif where.epsg not in (GEOGRAPHIC, 4326) and where.epsg is not None:
        flat = transform(flat, where.epsg, GEOGRAPHIC)
    placed[alive] = flat
    return placed


def _empty() -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {name: pd.Series(dtype=object) for name in ("row_no", "raw", "error_m")},
        geometry=gpd.GeoSeries([], crs=GEOGRAPHIC),
    )


def _frame(
    shapes: Shapes,
    made: attributes.Columns,
    raw: list[dict[str, Any]],
    where: CrsProposal,
    verdicts: check.Verdicts,
) -> gpd.GeoDataFrame:
    rows = np.flatnonzero(verdicts.alive())
    data: dict[str, Any] = {"row_no": rows + 1}
    for name, column in made.items():
        data[name] = pd.Series([column[row] for row in rows], dtype=object)
    data["raw"] = pd.Series([raw[row] for row in rows], dtype=object)
    data["error_m"] = np.full(len(rows), where.error_m)
    return gpd.GeoDataFrame(data, geometry=gpd.GeoSeries(shapes[rows], crs=GEOGRAPHIC))


def _layer_notes(
    notes: Notes,
    layer: Layer,
    name: str,
    columns: list[str],
    mapped: dict[str, str],
    where: CrsProposal,
) -> None:
    about: dict[str, Any] = {"layer": layer.name, "source_name": name}
    left = [column for column in columns if column not in mapped]
    if left:
        notes.add("warned", "reader.layer.unmapped", **about, columns="、".join(left[:20]))
    if where.assumed_datum:
        notes.add(
            "warned", "reader.layer.assumed_datum", **about, name=systems.name_of(where.epsg or 0)
        )
    if where.error_m:
        told: dict[str, Any] = {"name": systems.name_of(where.epsg or 0), "metres": where.error_m}
        if where.shift is not None:
            told["source"] = where.shift.source
        code = "shifted" if where.shift else "elsewhere" if where.elsewhere else "approximate"
        notes.add("warned", f"reader.layer.{code}", **about, **told)


def _row_notes(
    notes: Notes, verdicts: check.Verdicts, shapes: Shapes | None, layer: str, name: str
) -> None:
    places = _places(shapes, verdicts)
    for row in range(verdicts.count):
        outcome, word = "stored", check.Word("reader.row.stored", {})
        if row in verdicts.refused:
            outcome, word = "refused", verdicts.refused[row]
        elif row in verdicts.mended:
            outcome, word = "mended", verdicts.mended[row]
        about: dict[str, Any] = {"layer": layer, "source_name": name, "row_no": row + 1}
        place = word.where if word.where is not None else places[row]
        notes.add(outcome, word.code, geometry=place, **about, **word.params)
        if outcome != "refused":
            for one in verdicts.warned.get(row, ()):
                place = one.where if one.where is not None else places[row]
                notes.add("warned", one.code, geometry=place, **about, **one.params)


def _places(shapes: Shapes | None, verdicts: check.Verdicts) -> Shapes:
    """Return a point to look at for each row, None where the row has no place on earth."""
    places = np.full(verdicts.count, None, dtype=object)
    if shapes is None:
        return places
    bounds = shapely.bounds(shapes)
    middles = (bounds[:, :2] + bounds[:, 2:]) / 2
    with np.errstate(invalid="ignore"):
        fit = (np.abs(middles[:, 0]) <= 180) & (np.abs(middles[:, 1]) <= 90)
    places[fit] = shapely.points(middles[fit])
    return places

"""From a stranger's file to rows in CGCS2000 with a report of every one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.crs import GEOGRAPHIC, transform
from geo.geometry import Shapes
from geo.problems import Problem
from geo.survey import attributes, check
from geo.survey.layers import Layer, layers
from geo.survey.limits import limits
from geo.survey.mend import mend_layer
from geo.survey.reading import archive, datums, parent
from geo.survey.reading import crs as systems
from geo.survey.reading.crs import CrsProposal
from geo.survey.reading.formats import READERS, Asked, Raw
from geo.survey.reading.result import LayerRead, Notes, ReadOptions, ReadResult

Progress = Callable[[str, int, int], None]
_LINES = "表中行"


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
        A zip of shapefiles, GeoPackages, GeoJSONs, drawings (DXF), KMLs or tables of corner points;
        one of these alone; a folder of loose parts.
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
            asked = Asked(folder, options, notes, alone=len(found) == 1)
            for raw in READERS[source.kind](source, asked):
                raw.recalled = asked.recalled(raw.name)
                read.append(_judged(raw, options, notes))
            tell("check", done + 1, len(found))
    if not read:
        if any(one.kind in ("CSV", "XLSX") for one in found):
            raise Problem("reader.corners.no_head", name=archive.shown(name))
        raise Problem("reader.kind.no_layer", name=archive.shown(name))
    return ReadResult(read, notes.frame())


def _check_options(options: ReadOptions) -> None:
    for name in (options.layer, *options.layers.values()):
        if name is not None and name not in layers():
            raise Problem("reader.option.layer", layer=name)
    for epsg in (options.crs, *options.crs_of.values()):
        if epsg is None:
            continue
        try:
            systems.decide(None, np.empty((0, 2)), chosen=epsg)
        except ValueError as error:
            raise Problem("reader.option.crs", epsg=epsg) from error


def _judged(raw: Raw, options: ReadOptions, notes: Notes) -> LayerRead:
    """Check, place and mend one layer as it came, and report every row of it."""
    shapes, name, kind = raw.shapes, raw.name, raw.kind
    count = len(shapes)
    plain = [[attributes.plain(cell) for cell in raw.cells[column]] for column in raw.columns]
    rows = [dict(zip(raw.columns, row, strict=True)) for row in zip(*plain, strict=True)]
    rows = rows or [{} for _ in range(count)]
    verdicts = check.Verdicts(count, refused=dict(raw.refused))
    check.presence(shapes, raw.unreadable, verdicts)
    shapes[~verdicts.alive()] = None
    where = crs_of(raw, shapes, verdicts, options)
    frame = _empty()
    mapped: dict[str, str] = {}
    if kind is None:
        verdicts.refuse_all(range(count), "reader.row.no_layer", name=name)
    elif where.epsg is None:
        verdicts.refuse_all(range(count), "reader.row.no_crs", name=name)
    else:
        one = layers()[kind]
        mapped, before = attributes.mapping(
            raw.columns, one, options.mapped_by_hand(name), options.remembered.get(kind)
        )
        _remembered_notes(notes, one, raw, before)
        for row in raw.closed:
            verdicts.mended[row] = check.Word("reader.row.closed", {})
        shapes, made = _checked(shapes, raw, rows, mapped, one, where, verdicts, notes, options)
        for cells, lines in zip(rows, raw.spans or (), strict=False):
            # Where to look in the sheet; only now, for twins may stand on different lines.
            cells[_LINES] = lines
        frame = _frame(shapes, made, rows, max(where.error_m, options.error_m), verdicts)
        _layer_notes(notes, one, name, raw.columns, mapped, where)
    mended = len([row for row in verdicts.mended if row not in verdicts.refused])
    placed = shapes if where.epsg is not None and kind is not None else None
    _row_notes(notes, verdicts, placed, kind or "", name)
    return LayerRead(
        layer=kind,
        source_name=name,
        rows=count,
        refused=len(verdicts.refused),
        mended=mended,
        warned=len([row for row in verdicts.warned if row not in verdicts.refused]),
        encoding=raw.encoding,
        encoding_reason=raw.reason,
        samples=rows[: limits()["samples"]],
        crs=where,
        mapping=mapped,
        frame=frame,
    )


def crs_of(
    raw: Raw,
    shapes: Shapes,
    verdicts: check.Verdicts,
    options: ReadOptions,
) -> CrsProposal:
    """Return in which system a layer's coordinates are taken to be, and why."""
    bounds = shapely.bounds(shapes[verdicts.alive()])
    middles = (bounds[:, :2] + bounds[:, 2:]) / 2
    try:
        return systems.decide(
            raw.declared,
            middles,
            chosen=options.chosen_crs(raw.name),
            hint=options.place(),
            local=options.datums,
        )
    except ValueError as error:
        raise Problem("reader.part.prj", name=raw.name) from error


def _checked(
    shapes: Shapes,
    raw: Raw,
    rows: list[dict[str, Any]],
    mapped: dict[str, str],
    layer: Layer,
    where: CrsProposal,
    verdicts: check.Verdicts,
    notes: Notes,
    options: ReadOptions,
) -> tuple[Shapes, attributes.Columns]:
    check.size(shapes, verdicts)
    check.kind(shapes, layer, verdicts)
    shapes = _placed(shapes, where, verdicts, notes, layer, raw.name)
    check.country(shapes, verdicts)
    shapes = mend_layer(shapes, verdicts)
    check.duplicates(shapes, rows, verdicts)
    check.county(shapes, options.county_bbox, verdicts)
    made = attributes.canonical(raw.cells, mapped, layer, verdicts, notes, raw.name)
    attributes.own_mine(made, layer, options.mine_code, verdicts)
    if layer.name == "mine_boundary":
        attributes.name_mines(made, raw.cells, verdicts)
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
    """Return the shapes in CGCS2000, as ``placed`` has them; refused rows are left as they are."""
    alive = verdicts.alive()
    moved = shapes.copy()
    tall = int(((shapely.has_z(shapes) | shapely.has_m(shapes)) & alive).sum())
    if tall:
        notes.add("warned", "reader.layer.z_dropped", layer=layer.name, source_name=name, rows=tall)
    moved[alive] = placed(shapes[alive], where)
    return moved


def placed(shapes: Shapes, where: CrsProposal) -> Shapes:
    """Return shapes flat, x before y, in CGCS2000.

    Parameters
    ----------
    shapes : ndarray of object
        In the file's own coordinates.
    where : CrsProposal
        What these are, with a code.
    """
    flat = shapely.force_2d(shapes)
    if where.swapped:
        flat = shapely.transform(flat, lambda xy: xy[:, ::-1])
    if where.offset_x:
        flat = shapely.transform(flat, lambda xy: xy + (where.offset_x, 0.0))  # noqa: RUF005 -- arrays
    # WGS 84 degrees are taken as they stand: the two frames agree within a metre.
    if where.shift is not None and where.epsg is not None:
        flat = datums.move(flat, where.epsg, where.shift)
    elif where.epsg not in (GEOGRAPHIC, 4326) and where.epsg is not None:
        flat = transform(flat, where.epsg, GEOGRAPHIC)
    return flat


def _empty() -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {name: pd.Series(dtype=object) for name in ("row_no", "raw", "error_m")},
        geometry=gpd.GeoSeries([], crs=GEOGRAPHIC),
    )


def _frame(
    shapes: Shapes,
    made: attributes.Columns,
    raw: list[dict[str, Any]],
    error_m: float,
    verdicts: check.Verdicts,
) -> gpd.GeoDataFrame:
    rows = np.flatnonzero(verdicts.alive())
    data: dict[str, Any] = {"row_no": rows + 1}
    for name, column in made.items():
        data[name] = pd.Series([column[row] for row in rows], dtype=object)
    data["raw"] = pd.Series([raw[row] for row in rows], dtype=object)
    data["error_m"] = np.full(len(rows), error_m)
    return gpd.GeoDataFrame(data, geometry=gpd.GeoSeries(shapes[rows], crs=GEOGRAPHIC))


def _remembered_notes(notes: Notes, layer: Layer, raw: Raw, before: dict[str, str]) -> None:
    """Say what was read as the sender's organisation settled it earlier."""
    about: dict[str, Any] = {"layer": layer.name, "source_name": raw.name}
    if raw.recalled:
        notes.add(
            "warned", "reader.layer.remembered_type", **about, name=raw.name,
            type=layer.label.zh, type_en=layer.label.en,
        )  # fmt: skip
    if before:
        labels = {c: layer.fields[f].label if f else None for c, f in before.items()}
        notes.add(
            "warned", "reader.layer.remembered", **about,
            pairs="、".join(f"{c} → {v.zh if v else '—'}" for c, v in labels.items()),
            pairs_en=", ".join(f"{c} → {v.en if v else '—'}" for c, v in labels.items()),
        )  # fmt: skip


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

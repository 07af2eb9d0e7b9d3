"""The row report as files: CSV for a spreadsheet, GeoPackage of the places."""

import csv
import io
from pathlib import Path
from typing import Any

import geopandas as gpd
import pyogrio
import shapely

from geo.messages import language, say
from geo.survey.layers import layers
from geo.survey.reading.frames import in_words

_HEAD = {
    "zh": ("图层", "来源", "行号", "结果", "代码", "说明", "经度", "纬度"),
    "en": ("layer", "source", "row", "outcome", "code", "sentence", "lon", "lat"),
}


def sentence(code: str, params: dict[str, Any], lang: str) -> str:
    """Return the sentence of a note, coordinate systems by words of the trade."""
    return say(code, lang, **in_words(params, language(lang)))


def _rows(notes: gpd.GeoDataFrame, lang: str) -> list[tuple[Any, ...]]:
    chosen = language(lang)
    named = {name: getattr(one.label, chosen) for name, one in layers().items()}
    said = {outcome: say(f"reader.outcome.{outcome}", chosen) for outcome in set(notes["outcome"])}
    made = []
    for note in notes.itertuples(index=False):
        place = note.geometry
        here = place is not None and not shapely.is_empty(place)
        point = shapely.point_on_surface(place) if here else None
        made.append(
            (
                named.get(note.layer, note.layer),
                note.source_name,
                "" if note.row_no is None else int(note.row_no),
                said[note.outcome],
                note.code,
                sentence(note.code, note.params, chosen),
                round(point.x, 7) if point is not None else "",
                round(point.y, 7) if point is not None else "",
            )
        )
    return made


def to_csv(notes: gpd.GeoDataFrame, lang: str = "zh") -> bytes:
    """Return the report as CSV in UTF-8 with a byte-order mark, which Excel needs for Chinese.

    A cell that a spreadsheet would run as a formula is given a leading apostrophe.

    Parameters
    ----------
    notes : GeoDataFrame
        `ReadResult.notes`.
    lang : str
        Language of heads and sentences.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(_HEAD[language(lang)])
    for row in _rows(notes, lang):
        writer.writerow([_inert(cell) for cell in row])
    return text.getvalue().encode("utf-8-sig")


def _inert(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@")) else cell


def to_geopackage(notes: gpd.GeoDataFrame, path: Path, lang: str = "zh") -> None:
    """Write the places of the report to a GeoPackage; lines with no place are kept without one.

    Parameters
    ----------
    notes : GeoDataFrame
        `ReadResult.notes`.
    path : Path
        File to make.
    lang : str
        Language of the sentences.
    """
    heads = ("layer", "source", "row", "outcome", "code", "sentence")
    rows = _rows(notes, lang)
    frame = gpd.GeoDataFrame(
        {head: [str(row[at]) for row in rows] for at, head in enumerate(heads)},
        geometry=gpd.GeoSeries(list(notes.geometry), crs=notes.crs),
    )
    pyogrio.write_dataframe(frame, path, layer="notes", driver="GPKG", geometry_type="Unknown")

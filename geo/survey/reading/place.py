"""A place out of a file: the shapes alone, whatever the file says of them.

The file goes through the confined child and the same decisions on its coordinates as every upload.
Nothing is left out in silence: a row that cannot be taken refuses the file.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from geo.problems import Problem
from geo.survey import check
from geo.survey.limits import limits
from geo.survey.mend import mend_layer
from geo.survey.reading import archive, parent
from geo.survey.reading.files import crs_of, placed
from geo.survey.reading.formats import READERS, Asked, Raw
from geo.survey.reading.result import Notes, ReadOptions

TOE, BODY = "toe", "body"
# Layers drawn as lines alone and as areas: so are corners of a table and rings of a drawing.
_DRAWN_AS = {TOE: "drainage", BODY: "pond"}


@dataclass(frozen=True)
class Place:
    """What a file says of a place, CGCS2000 degrees.

    Attributes
    ----------
    toe : shapely geometry or None
        All its lines and points; where it has none but areas, their outlines.
    body : shapely geometry or None
        All its areas.
    outline : bool
        The toe is only the outline of an area.
    """

    toe: Any
    body: Any
    outline: bool


def read_place(
    path: Path,
    part: str,
    options: ReadOptions | None = None,
    *,
    workdir: Path,
    filename: str | None = None,
) -> Place:
    """Read the toe or the ground of a pond from a file of any kind an upload may be.

    Parameters
    ----------
    path : Path
        As ``files.read_file`` takes it.
    part : str
        ``toe`` or ``body``: what a table of corner points draws.
    options : ReadOptions, optional
        Its coordinate system, and where the county lies.
    workdir : Path
        A folder for unpacking; it is left as it was.
    filename : str, optional
        The name its sender gave the file.

    Raises
    ------
    Problem
        ``reader.*``, where not all of the file can be taken.
    """
    name = filename or path.name
    if not path.exists():
        raise Problem("reader.kind.missing", name=archive.shown(name))
    options = (options or ReadOptions()).model_copy(update={"layer": _DRAWN_AS[part]})
    notes = Notes()
    shapes: list[Any] = []
    with parent.room(workdir) as folder:
        found, _ = archive.sources(path, name, folder)
        parent.hand_over(folder)
        for source in found:
            asked = Asked(folder, options, notes, alone=len(found) == 1)
            for raw in READERS[source.kind](source, asked):
                shapes += list(_shapes(raw, options))
    if not shapes:
        raise Problem("reader.kind.no_layer", name=archive.shown(name))
    most = int(limits()["place_vertices"])
    if (count := int(shapely.get_num_coordinates(np.array(shapes)).sum())) > most:
        raise Problem("reader.place.vertices", name=archive.shown(name), count=count, most=most)
    return _parted(np.array(shapes, dtype=object), part, archive.shown(name))


def _shapes(raw: Raw, options: ReadOptions) -> Any:
    """Return the shapes of a layer, placed and mended; all of them or none."""
    verdicts = check.Verdicts(len(raw.shapes), refused=dict(raw.refused))
    check.presence(raw.shapes, raw.unreadable, verdicts)
    shapes = raw.shapes.copy()
    shapes[~verdicts.alive()] = None
    where = crs_of(raw, shapes, verdicts, options)
    if where.epsg is None:
        raise Problem("reader.row.no_crs", name=raw.name)
    check.size(shapes, verdicts)
    alive = verdicts.alive()
    shapes[alive] = placed(shapes[alive], where)
    check.country(shapes, verdicts)
    shapes = mend_layer(shapes, verdicts)
    if verdicts.refused:
        row, word = min(verdicts.refused.items())
        why = Problem(word.code, **word.params)
        raise Problem(
            "reader.place.row",
            name=raw.name,
            row=row + 1,
            why=why.say("zh").rstrip("。."),
            why_en=why.say("en").rstrip("."),
        )
    return shapes


def _parted(shapes: Any, part: str, name: str) -> Place:
    flat = shapely.get_dimensions(shapes) == 2
    body = shapely.union_all(shapes[flat]) if flat.any() else None
    if part == BODY:
        if body is None:
            raise Problem("reader.place.no_area", name=name)
        return Place(None, body, outline=False)
    if flat.all():
        return Place(shapely.boundary(body), body, outline=True)
    return Place(shapely.union_all(shapes[~flat]), body, outline=False)

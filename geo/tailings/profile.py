"""Long profiles of the ground along a dam's flow path, with what lies beside it."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import shapely

from geo.tailings.dem import Terrain
from geo.tailings.flow import trace
from geo.tailings.headtop import toe_cells
from geo.tailings.parameters import terrain_rules


def profiles(
    terrain: Terrain, toes: Iterable[tuple[str, Any]], objects: Iterable[tuple[str, Any]]
) -> list[dict[str, Any]]:
    """Return one profile per dam: down from the cell of its toe that drains most.

    Parameters
    ----------
    terrain : Terrain
    toes : iterable of (code, geometry)
        Toe of each dam, CGCS2000 degrees.
    objects : iterable of (key, geometry)
        Each is placed on the profile it lies nearest to.

    Returns
    -------
    list of dict
        dam; points, a list of (metres along the path, metres of height); objects, a list of
        {key, path_m, lateral_m, z}, in the order of the path.
    """
    dem, limit = terrain.dem, float(terrain_rules()["path"]["limit_m"])
    made: list[dict[str, Any]] = []
    ways = []
    for code, toe in toes:
        cells = toe_cells(dem, dem.local([toe])[0])
        if not cells.size:
            continue
        start = int(cells[np.argmax(terrain.drained.ravel()[cells])])
        path, metres = trace(terrain.d8, start, dem.cell, limit)
        ground = dem.z.ravel()[path]
        points = [
            [round(float(s), 1), round(float(z), 1)] for s, z in zip(metres, ground, strict=True)
        ]
        made.append({"dam": code, "points": points, "objects": []})
        ways.append((shapely.points(dem.centres(path)), metres))
    listed = list(objects)
    for (key, _), plan in zip(listed, dem.local([shape for _, shape in listed]), strict=True):
        apart = [(float(shapely.distance(line, plan).min()), i) for i, (line, _) in enumerate(ways)]
        if not apart:
            break
        lateral, which = min(apart)
        line, metres = ways[which]
        at = int(np.argmin(shapely.distance(line, plan)))
        made[which]["objects"].append(
            {
                "key": key,
                "path_m": round(float(metres[at]), 1),
                "lateral_m": round(lateral, 1),
                "z": _height(terrain, plan),
            }
        )
    for one in made:
        one["objects"].sort(key=lambda o: (o["path_m"], o["key"]))
    return made


def _height(terrain: Terrain, plan: Any) -> float | None:
    """Return the lowest ground of an object's plan, m."""
    cells = terrain.dem.within(plan, 0.0, centre=False)
    ground = terrain.dem.z.ravel()[cells]
    known = ground[~np.isnan(ground)]
    return round(float(known.min()), 1) if known.size else None

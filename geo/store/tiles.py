"""Vector tiles from the definer functions, and the tag by which a browser may keep them."""

import hashlib
from datetime import date

from sqlalchemy import Connection, text

from geo.problems import Problem
from geo.store import terrain_outlines, water_lines
from geo.store.engine import Actor
from geo.store.rule_sets import in_force
from geo.survey.layers import factors, pond_layers

# Every factor there is a layer type of: a new one is on the map without a word here.
FACTORS = factors()
# Layer of the map → feature layers it is made of; None: it has a function of its own.
LAYERS: dict[str, tuple[str, ...] | None] = {
    "mines": None,
    "unclear": None,
    "encounters": None,
    "plan": ("plan_item",),
    "extents": ("survey_extent",),
    "factors": FACTORS,
    "water_lines": None,
    # A point is read every day and would be drawn as often; its alarm is on the pond's page.
    "ponds": tuple(name for name in pond_layers() if name != "monitoring_reading"),
    "zones": None,
    "paths": None,
    "models": None,
}
# Layers made of features that say more of them than the common function does.
_OWN = {"ponds": "tile_ponds"}
# What the newest grading or run found, whatever the day.
_UNDATED = ("unclear", "zones", "paths")
GATHERED_BELOW = 9
_DEEPEST = 22


def data_version(conn: Connection) -> int:
    """Return the number of the newest batch, 0 where there is none."""
    return int(conn.scalar(text("SELECT COALESCE(max(seq), 0) FROM minerisk.batch")) or 0)


def tag(
    actor: Actor, layer: str, z: int, x: int, y: int, version: int, on: date | None = None
) -> str:
    """Return the ETag: same data version, same day, same eyes, same place."""
    eyes = f"{actor.role}|{actor.org_id}|{actor.district}"
    whole = f"{layer}|{version}|{on}|{eyes}|{z}|{x}|{y}"
    return f'"{hashlib.sha256(whole.encode()).hexdigest()[:32]}"'


def horizon_day(conn: Connection, on: date) -> date:
    """Return the last day a working may start on to be within the mining footprint of `on`."""
    years = int(in_force(conn).parameters.horizon_years.value)
    try:
        return on.replace(year=on.year + years)
    except ValueError:
        return date(on.year + years, 3, 1)


def tile(
    conn: Connection,
    layer: str,
    z: int,
    x: int,
    y: int,
    known_seq: int,
    on: date | None = None,
) -> bytes:
    """Return a Mapbox vector tile of what the caller may see.

    Parameters
    ----------
    known_seq : int
        Number of the batch up to which things are known.
    on : date, optional
        The day asked about: what holds only later is left out, and of the plan what starts after
        the horizon of the mining footprint. Every day where not given. Unclear ground, zones
        and paths are those of the newest grading or run known, whatever the day.

    Raises
    ------
    Problem
        404 for a layer or a place that does not exist.
    """
    if layer not in LAYERS or not (0 <= z <= _DEEPEST and 0 <= x < 2**z and 0 <= y < 2**z):
        raise Problem("tiles.none", http_status=404, layer=layer, z=z, x=x, y=y)
    place = {"z": z, "x": x, "y": y, "known": known_seq, "on_day": on}
    wanted = LAYERS[layer]
    if layer == "water_lines":
        return water_lines.tile(conn, z, x, y, known_seq, on)
    if layer == "models":
        return terrain_outlines.tile(conn, z, x, y, known_seq)
    if layer in _UNDATED:
        found = conn.scalar(text(f"SELECT minerisk.tile_{layer}(:z, :x, :y, :known)"), place)
    elif wanted is None:
        found = conn.scalar(
            text(f"SELECT minerisk.tile_{layer}(:z, :x, :y, :known, :on_day)"), place
        )
    else:
        near = _OWN.get(layer, "tile_features")
        function = "tile_gathered" if z < GATHERED_BELOW else near
        found = conn.scalar(
            text(
                f"SELECT minerisk.{function}"
                "(:wanted, :name, :z, :x, :y, :known, :on_day, :plan_day)"
            ),
            {
                **place,
                "wanted": list(wanted),
                "name": layer,
                "plan_day": None if on is None else horizon_day(conn, on),
            },
        )
    return bytes(found or b"")

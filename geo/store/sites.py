"""May a pond stand here, and which ponds would a new house make head-top: questions of a place."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import shapely
from sqlalchemy import Connection

from geo import clock
from geo.problems import Problem
from geo.settings import Settings
from geo.store import districts
from geo.store.batches import newest_seq
from geo.store.engine import SYSTEM, connect
from geo.store.pond_facts import event_rows, extents, features, standing_events
from geo.store.pond_ground import (
    Ground,
    ground_at,
    grounds,
    ponds_by_tile,
    prepared_at,
    prepared_tile,
    toe_of,
)
from geo.store.pond_queries import ponds
from geo.store.terrains import grid_of
from geo.survey.counties import county_box
from geo.survey.layers import layer
from geo.survey.reading import ReadOptions, datums
from geo.survey.reading.place import Place, read_place
from geo.tailings.capture import captures
from geo.tailings.closure import anniversary
from geo.tailings.headtop import meets, toe_paths
from geo.tailings.siting import Proposal, ask, nearest_admissible
from geo.tailings.siting_rules import WORKINGS, siting_rules
from geo.tailings.tiles import OnGround, Prepared, near, tiles_of

# A footprint is what a mine works within five years (L10, L26).
_FOOTPRINT_YEARS = 5
# Rules that another place may meet.
_OF_PLACE = ("zone", "prohibited", "bank", "workings")


def _rows(settings: Settings, layers: Iterable[str]) -> list[dict[str, Any]]:
    with connect(settings, "worker", SYSTEM) as conn:
        return features(conn, list(layers), newest_seq(conn))


def _facts(settings: Settings, on: date) -> list[Ground]:
    with connect(settings, "worker", SYSTEM) as conn:
        found = grounds(conn, on)
    if not found:
        raise Problem("store.no_terrain", http_status=409)
    return found


def _banks(settings: Settings, plan: Proposal) -> tuple[pd.DataFrame | None, Any]:
    """Return the bank lines, and the districts of a place in which nobody surveyed one (L26).

    None for the lines where there is no such layer, for missing is undetermined; None for the
    districts where nobody knows which they are.
    """
    with connect(settings, "worker", SYSTEM) as conn:
        rows = features(conn, ("bank_line",), newest_seq(conn))
        mines = districts.placed(conn)
    if not rows:
        return None, ()
    ground = plan.toe if plan.body is None else shapely.union(plan.toe, plan.body)
    reach = max(siting_rules()["bank"]["distance_m"].values())
    here = districts.around(mines, ground, reach, settings.district)
    # What was revoked forbids still, and covers nothing (L17).
    own = {str(row["district"]) for row in rows if row["state"] == "accepted"}
    frame = pd.DataFrame(
        {
            "name": [row["attrs"].get("name") or row["code"] or "" for row in rows],
            "geometry": pd.Series([row["geometry"] for row in rows], dtype=object),
            "river_class": [row["attrs"].get("river_class") for row in rows],
        }
    )
    return frame, districts.unserved(here, own) if here else None


def _named(rows: Iterable[dict[str, Any]]) -> pd.DataFrame:
    listed = [{"name": _name(row), "geometry": row["geometry"]} for row in rows]
    return pd.DataFrame(listed, columns=["name", "geometry"])


def _name(row: dict[str, Any]) -> str:
    if row["layer"] == "prohibited_area" and not row["attrs"].get("name"):
        # What it is, in the words of those who draw it.
        words = layer("prohibited_area").fields["prohibited_class"].values
        return words[row["attrs"]["prohibited_class"]][0]
    return row["attrs"].get("name") or row["code"] or ""


def _workings(settings: Settings, on: date) -> pd.DataFrame:
    until = anniversary(on, years=_FOOTPRINT_YEARS).isoformat()
    rows = [
        row
        for row in _rows(settings, tuple(WORKINGS))
        if row["layer"] != "plan_item"
        or not (
            row["attrs"].get("finished") is True or str(row["attrs"].get("start") or "") > until
        )
    ]
    kinds = [WORKINGS[row["layer"]] for row in rows]
    return _named(rows).assign(kind=pd.Series(kinds, dtype=object))


def _extents(settings: Settings, on: date) -> pd.DataFrame:
    """Return where somebody looked for what; empty where nobody did."""
    with connect(settings, "worker", SYSTEM) as conn:
        rows = extents(conn, newest_seq(conn), on)
    listed = [{"geometry": row["geometry"], "kinds": row["attrs"].get("kinds")} for row in rows]
    return pd.DataFrame(listed, columns=["geometry", "kinds"])


def _register(conn: Connection, on: date) -> pd.DataFrame:
    by_code: dict[str, list[Any]] = {}
    for row in event_rows(conn, newest_seq(conn)):
        by_code.setdefault(row.pond_code, []).append(row)
    used = {
        code: event.detail
        for code, found in by_code.items()
        for event in standing_events(found)
        if event.kind == "replaced_by"
    }
    rows = [
        {
            "code": one["code"],
            "struck_off": not one["counted"],
            "used_for": used.get(one["code"]),
        }
        for one in ponds(conn, on)
    ]
    return pd.DataFrame(rows, columns=["code", "struck_off", "used_for"])


def place_of(
    settings: Settings, path: Path, filename: str, part: str, epsg: int | None = None
) -> Place:
    """Read the toe or the ground of a proposal from a file, as this county reads uploads.

    Parameters
    ----------
    part : str
        ``toe`` or ``body``.
    epsg : int, optional
        The coordinate system, where the file says none.
    """
    box = county_box(settings.district)
    kept = datums.load(settings.datums).get(settings.district, {})
    options = ReadOptions(
        crs=epsg,
        county_bbox=box,
        datums={
            name: one.model_copy(update={"area": one.area or box}) for name, one in kept.items()
        },
    )
    with TemporaryDirectory(prefix="minerisk-") as folder:
        return read_place(path, part, options, workdir=Path(folder), filename=filename)


def site(settings: Settings, plan: Proposal, on: date) -> dict[str, Any]:
    """Answer every rule of siting for a proposal (L26).

    Returns
    -------
    dict
        verdict (``no`` where any rule says so, ``undetermined`` where any is, else ``yes``),
        answers (rule, label, answer, sentence in zh and en, standard, clause, verified), path
        (GeoJSON of the flow paths), nearest (point, metres) or None.

    Raises
    ------
    Problem
        Without an elevation model.
    """
    facts = ground_at(_facts(settings, on), plan.toe)
    ready = prepared_at(settings, facts, plan.toe)
    with connect(settings, "worker", SYSTEM) as conn:
        register = _register(conn, on)
    banks, bankless = _banks(settings, plan)
    workings = _workings(settings, on)
    prohibited = _named(_rows(settings, ("prohibited_area",)))
    answers = ask(
        plan,
        ready.terrain.dem,
        terrain=ready.terrain,
        zone=ready.zone,
        banks=banks,
        bankless=bankless,
        ponds=register,
        workings=workings,
        prohibited=prohibited,
        extents=_extents(settings, on),
    )
    said = {one.answer for one in answers}
    verdict = next((word for word in ("no", "undetermined") if word in said), "yes")
    nearest = None
    if any(one.answer == "no" and one.rule in _OF_PLACE for one in answers):
        found = nearest_admissible(
            plan,
            ready.terrain,
            ready.zone,
            banks=banks,
            workings=workings,
            prohibited=prohibited,
        )
        if found is not None:
            nearest = {"point": [found[0].x, found[0].y], "metres": found[1]}
    return {
        "verdict": verdict,
        "action": plan.action,
        "answers": [
            {
                "rule": one.rule,
                "label": siting_rules()[one.rule]["label"],
                "answer": one.answer,
                "sentence": {lang: one.say(lang) for lang in ("zh", "en")},
                "standard": one.standard,
                "clause": one.clause,
                "verified": one.verified,
            }
            for one in answers
        ],
        "path": _path(ready, plan.toe),
        "nearest": nearest,
    }


def _path(ready: Prepared, toe: Any) -> dict[str, Any] | None:
    dem = ready.terrain.dem
    lines = toe_paths(ready.terrain, dem.local([toe])[0]).lines
    if not len(lines):
        return None
    drawn = shapely.multilinestrings(list(dem.abroad(lines)))
    return dict(shapely.geometry.mapping(drawn))


def below(settings: Settings, shape: Any, error_m: float = 0.0) -> list[dict[str, Any]]:
    """Return the ponds a new house, school or factory at a place would make head-top.

    Those struck off are none: they are no ponds of the register any more (L22).

    Parameters
    ----------
    settings : Settings
    shape : shapely geometry
        Its ground plan, CGCS2000 degrees; a point stands for a plan of some 15 m.
    error_m : float
        Error of its place, m.

    Returns
    -------
    list of dict
        code, name, state and head_top as it is now, by code.
    """
    frame = pd.DataFrame(
        {
            "key": ["new"],
            "geometry": pd.Series([shape], dtype=object),
            "error_m": [error_m],
            "people": [None],
        }
    )
    met = [
        code
        for facts in _facts(settings, clock.today())
        for code in _meeting(settings, facts, frame)
    ]
    with connect(settings, "worker", SYSTEM) as conn:
        known = {row["code"]: row for row in ponds(conn, clock.today())}
    return [
        {
            "code": code,
            "name": known[code]["name"],
            "state": known[code]["state"],
            "head_top": known[code]["head_top"]["outcome"],
        }
        for code in sorted(met)
        if code in known
    ]


def _meeting(settings: Settings, facts: Ground, frame: pd.DataFrame) -> list[str]:
    """Return the codes of a model's ponds whose paths capture an object."""
    alone = OnGround(frame, capture=facts.county.capture)
    grid, by_tile = grid_of(facts.taken), ponds_by_tile(facts)
    met = []
    for tile in tiles_of(grid, capture=facts.county.capture):
        # A building that a window does not reach is met by no pond of the tile.
        reached = near(grid, tile, alone).objects
        if tile.name not in by_tile or reached.empty:
            continue
        ready = prepared_tile(settings, facts, tile)
        found = captures(ready.terrain.dem, frame, facts.county.capture)
        for pond in by_tile[tile.name]:
            if pond["code"] in facts.struck_off:
                continue
            toe, _, _ = toe_of(pond, facts.dams_of(pond))
            paths = toe_paths(ready.terrain, ready.terrain.dem.local([toe])[0])
            captured, _ = meets(ready.terrain, found, paths.cells)
            if captured.any():
                met.append(pond["code"])
    return met

"""The facts that lie on elevation models, and windows of those ready for questions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from threading import Lock
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from rasterio.features import geometry_mask
from sqlalchemy import Connection

from geo import clock
from geo.settings import Settings
from geo.store.batches import newest_seq
from geo.store.engine import SYSTEM, connect
from geo.store.pond_facts import features, sought_below, struck_off_codes
from geo.store.terrains import Taken, dems, grid_of, opened_taken
from geo.survey.keys import content_key
from geo.tailings.county import CountyPonds, county_in_force, reckoned_by
from geo.tailings.model import Model
from geo.tailings.parameters import terrain_rules
from geo.tailings.precedence import answering, shares
from geo.tailings.protected import counts, people
from geo.tailings.tiles import OnGround, Prepared, Tile, frame_of, near, prepared, tile_at, tiles_of
from geo.tailings.waterways import Waterway

_LAYERS = ("bank_line", "dam", "drainage", "pond", "protected_object")


@dataclass(frozen=True, eq=False)
class Ground:
    """The facts a run rests on, and one model they lie on.

    `share` is the ground for which the model answers where there are several, None: for all;
    `mine` are the keys of the rows on it.
    """

    key: str
    taken: Taken
    share: Any
    mine: frozenset[str]
    rows: list[dict[str, Any]]
    # Ponds off the register: no strip lies below them, and no new house makes them head-top.
    struck_off: frozenset[str]
    county: CountyPonds

    def of(self, layer: str) -> list[dict[str, Any]]:
        """Return the rows of a layer, in the order of their keys."""
        return sorted((r for r in self.rows if r["layer"] == layer), key=lambda r: str(r["key"]))

    def own(self, layer: str) -> list[dict[str, Any]]:
        """Return the rows of a layer that lie where this model answers."""
        return [row for row in self.of(layer) if row["key"] in self.mine]

    def dams_of(self, pond: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the dams of a pond."""
        return [d for d in self.of("dam") if d["attrs"].get("pond_code") == pond["code"]]


def grounds(conn: Connection, on: date) -> list[Ground]:
    """Return the facts as they are on a day, by model, the newest first; none without a model.

    For a connection that sees all. The day decides only which survey extents have not run out.
    """
    seq, county = newest_seq(conn), county_in_force()
    found = dems(conn, seq)
    if not found:
        return []
    shown, kept = _shares(found, county)
    gone = struck_off_codes(conn, seq)
    rows = features(conn, _LAYERS, seq) + sought_below(conn, seq, on)
    lie = _lying(rows, shown, kept)
    told = {
        "rows": sorted(str(row["key"]) for row in rows),
        "struck_off": gone,
        **reckoned_by(county),
    }
    made = []
    for at in kept:
        share = shown[at] if len(kept) > 1 else None
        whole = {**told, "terrain": found[at].key}
        if share is not None:
            whole["share"] = shapely.to_wkb(share, hex=True)
        mine = frozenset(key for key, whose in lie.items() if whose == at)
        made.append(
            Ground(content_key(whole), found[at], share, mine, rows, frozenset(gone), county)
        )
    return made


def answers_for(conn: Connection, found: Sequence[Taken]) -> dict[str, UUID]:
    """Return by a pond's code the model that answers for it among some, the newest first.

    For a connection that sees all.
    """
    if not found:
        return {}
    shown, kept = _shares(found, county_in_force())
    rows = features(conn, ("dam", "pond"), newest_seq(conn))
    lie = _lying(rows, shown, kept)
    return {row["code"]: found[lie[row["key"]]].id for row in rows if row["layer"] == "pond"}


def _shares(found: Sequence[Taken], county: CountyPonds) -> tuple[NDArray[np.object_], list[int]]:
    """Return the share of each of some models, and which of them answer for any ground."""
    shown = shares([one.ground for one in found], _margin(county))
    return shown, [at for at, share in enumerate(shown) if not share.is_empty]


def _lying(
    rows: Iterable[Mapping[str, Any]], shown: NDArray[np.object_], kept: list[int]
) -> dict[Any, int]:
    """Return by key of a row which model answers for it; a pond lies where its toe does."""
    if len(kept) == 1:
        return dict.fromkeys((row["key"] for row in rows), kept[0])
    dams: dict[Any, list[Any]] = {}
    for row in rows:
        if row["layer"] == "dam":
            dams.setdefault(row["attrs"].get("pond_code"), []).append(row)
    found = {}
    for row in rows:
        is_pond = row["layer"] == "pond"
        shape = toe_of(row, dams.get(row["code"], []))[0] if is_pond else row["geometry"]
        found[row["key"]] = kept[answering(shown[kept], shape)]
    return found


def _margin(county: CountyPonds) -> float:
    """Return how far a model must reach around a place for its paths and captures to stay on it."""
    figures = county.capture
    return float(
        terrain_rules()["path"]["limit_m"] + figures["width_m"] + figures["point_radius_m"]
    )


def answered(model: Model, share: Any) -> NDArray[np.bool_]:
    """Return the cells whose middle lies on a model's share."""
    (here,) = frame_of(model).local([shapely.segmentize(share, 0.01)])
    mask: NDArray[np.bool_] = geometry_mask(
        [here], out_shape=model.shape, transform=model.grid, invert=True
    )
    return mask


def shared(found: Sequence[Taken]) -> list[tuple[Taken, Any]]:
    """Return the models that answer for ground among some, the newest first, and for which.

    That is None where one answers for all.
    """
    if not found:
        return []
    shown, kept = _shares(found, county_in_force())
    return [(found[at], shown[at] if len(kept) > 1 else None) for at in kept]


def ground_at(found: Sequence[Ground], shape: Any) -> Ground:
    """Return the facts with the model that answers for a place (CGCS2000), or the nearest."""
    if len(found) == 1:
        return found[0]
    return found[answering(np.array([one.share for one in found], dtype=object), shape)]


# One of them, the last asked of: a window is some gigabyte at most, and the next question is of it.
_kept: dict[tuple[str, str], Prepared] = {}
_one_window = Lock()


def prepared_at(settings: Settings, facts: Ground, shape: Any) -> Prepared:
    """Return the window that answers for a toe (CGCS2000), ready for questions.

    Only this window is read, however large the model. The last one asked of is kept in memory.
    """
    grid = grid_of(facts.taken)
    return prepared_tile(
        settings, facts, tile_at(grid, tiles_of(grid, capture=facts.county.capture), shape)
    )


def prepared_tile(settings: Settings, facts: Ground, tile: Tile) -> Prepared:
    """Return the window of a tile ready for questions; see ``prepared_at``."""
    key = facts.key, tile.name
    # Whoever asks meanwhile waits: two questions of two valleys must not hold two windows at once.
    with _one_window:
        ready = _kept.get(key)
        if ready is None:
            _kept.clear()
            with opened_taken(settings, facts.taken) as model:
                ready = _kept[key] = window_of(model, tile, on_ground(facts.rows, facts.county))
    return ready


def window_of(model: Model, tile: Tile, on: OnGround) -> Prepared:
    """Read the window of a tile and return it ready for questions."""
    dem = model.part(tile.window_rows, tile.window_cols)
    return prepared(dem, near(model, tile, on))


def laid_on(settings: Settings) -> OnGround:
    """Return what the register has on the ground now, whoever may see it."""
    with connect(settings, "worker", SYSTEM) as conn:
        seq = newest_seq(conn)
        rows = features(conn, ("drainage", "protected_object"), seq)
        return on_ground(rows + sought_below(conn, seq, clock.today()), county_in_force())


def on_ground(rows: Iterable[Mapping[str, Any]], county: CountyPonds) -> OnGround:
    """Return the objects that count, the waterways and the ground searched for objects among rows.

    Each in the order of its keys, channels before culverts.
    """
    ordered = sorted(rows, key=lambda row: str(row["key"]))
    ways = [_waterway(row) for row in ordered if row["layer"] == "drainage"]
    objects = protected_frame((r for r in ordered if r["layer"] == "protected_object"), county)
    return OnGround(
        objects,
        tuple(sorted(ways, key=lambda one: one.culvert)),
        np.array([r["geometry"] for r in ordered if r["layer"] == "survey_extent"], dtype=object),
        county.capture,
    )


def _waterway(row: Mapping[str, Any]) -> Waterway:
    culvert = row["attrs"].get("drainage_kind") == "culvert"
    return Waterway(row["geometry"], culvert, depth_of(row["attrs"]), str(row["key"]))


def depth_of(attrs: Mapping[str, Any]) -> float | None:
    """Return how deep a waterway lies, m; None where nobody said, or said a range."""
    said = attrs.get("depth_m")
    return float(said) if isinstance(said, int | float) and not isinstance(said, bool) else None


def protected_frame(rows: Iterable[Mapping[str, Any]], county: CountyPonds) -> pd.DataFrame:
    """Return the objects that count as ``capture.OBJECTS`` wants them."""
    kept = [row for row in rows if counts(row["attrs"], county.counts)]
    return pd.DataFrame(
        {
            "key": pd.Series([row["key"] for row in kept], dtype=object),
            "geometry": pd.Series([row["geometry"] for row in kept], dtype=object),
            "error_m": pd.Series([float(row["error_m"]) for row in kept], dtype=float),
            "people": pd.Series([people(row["attrs"]) for row in kept], dtype=object),
        }
    )


def toe_of(pond: Mapping[str, Any], dams: Sequence[Mapping[str, Any]]) -> tuple[Any, bool, bool]:
    """Return a pond's toe, whether it is derived from a polygon, and whether dams are missing.

    The toe is every toe line of its dams; of a dam or pond known only as a polygon it is the
    outline, and derived (推定).
    """
    parts, derived = [], not dams
    for dam in dams:
        flat = shapely.get_dimensions(dam["geometry"]) == 2
        derived |= flat
        parts.append(shapely.boundary(dam["geometry"]) if flat else dam["geometry"])
    if not parts:
        shape = pond["geometry"]
        parts = [shapely.boundary(shape) if shapely.get_dimensions(shape) == 2 else shape]
    expected = pond["attrs"].get("dams_expected")
    missing = isinstance(expected, int | float) and len(dams) < expected
    return shapely.union_all(parts), bool(derived), bool(missing)


def ponds_by_tile(facts: Ground) -> dict[str, list[dict[str, Any]]]:
    """Return the ponds of a model, each by the name of the tile that answers for its toe."""
    grid = grid_of(facts.taken)
    tiles = tiles_of(grid, capture=facts.county.capture)
    found: dict[str, list[dict[str, Any]]] = {}
    for pond in facts.own("pond"):
        toe, _, _ = toe_of(pond, facts.dams_of(pond))
        found.setdefault(tile_at(grid, tiles, toe).name, []).append(pond)
    return found

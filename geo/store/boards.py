"""What a reader looks for across mines: places by name, shapes for a sheet, and the boards.

Like :mod:`geo.store.queries` everything is asked as the application's role, so that nothing of
somebody else's is returned. Spatial reads go through the definer functions, which use the index.
"""

import json
from collections.abc import Collection
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, text

from geo import clock
from geo.store import pond_queries, queries, terrain_outlines, water_lines
from geo.store.doubtful import doubtful
from geo.store.rule_sets import telling
from geo.store.standing import claims_holding
from geo.store.tiles import LAYERS, horizon_day
from geo.store.works import accepted_works
from geo.survey import boards as pure
from geo.survey.coverage import states
from geo.survey.why import sentence
from geo.tailings.board import plan_counts

_DISTRICTS = text(
    "SELECT DISTINCT district FROM minerisk.mine WHERE district <> '' ORDER BY district"
)
_FIND = text(
    """
    SELECT DISTINCT ON (f.object_id) f.layer, f.mine_code, f.code,
        COALESCE(f.attrs ->> 'mine_name',
            CASE WHEN f.layer = 'pond' THEN f.attrs ->> 'name' END, f.attrs ->> 'code',
            f.attrs ->> 'name', f.mine_code, '') AS name,
        ST_XMin(f.geom) AS west, ST_YMin(f.geom) AS south, ST_XMax(f.geom) AS east,
        ST_YMax(f.geom) AS north, f.layer NOT IN ('mine_boundary', 'pond') AS later
    FROM minerisk.feature f
    JOIN minerisk.batch b ON b.id = f.batch_id
    LEFT JOIN minerisk.survey_states((SELECT COALESCE(max(seq), 0) FROM minerisk.batch)) s
        USING (survey_id)
    -- Whoever may see a boundary by contract does not see what became of its survey.
    WHERE COALESCE(s.state, 'accepted') IN ('submitted', 'accepted', 'revoked')
      -- A mine's code finds the mine; what else bears it is found by its own name.
      AND (f.layer = 'mine_boundary'
               AND (f.mine_code ILIKE :like OR f.attrs ->> 'mine_name' ILIKE :like)
           OR f.layer <> 'mine_boundary'
               AND (f.attrs ->> 'name' ILIKE :like OR f.attrs ->> 'code' ILIKE :like))
    ORDER BY f.object_id, b.seq DESC
    """
)
_SHAPES = text(
    """
    SELECT f.layer, f.mine_code,
        CASE WHEN f.layer <> 'survey_extent'
            THEN COALESCE(
                CASE WHEN f.layer = 'protected_object' THEN f.attrs ->> 'name' END,
                f.attrs ->> 'code', f.attrs ->> 'name') END AS name,
        f.attrs ->> 'verification' AS verification, f.state,
        ST_AsGeoJSON(ST_Transform(ST_SetSRID(f.geom_3857, 3857), 4326), 8) AS geometry
    FROM minerisk.features_in(:wanted,
        ST_Transform(ST_MakeEnvelope(:west, :south, :east, :north, 4326), 3857),
        :known, :on_day, :plan_day) f
    """
)
# The licence that stands on a day, as the tiles draw it.
_LICENCES = text(
    """
    SELECT DISTINCT ON (mine_code) 'mine_boundary' AS layer, mine_code, NULL AS name,
        NULL AS verification, 'accepted' AS state, ST_AsGeoJSON(shape, 8) AS geometry
    FROM (
        SELECT f.mine_code, s.state, max(lower(f.valid)) AS since, max(f.key) AS key,
            ST_Union(f.geom) AS shape
        FROM minerisk.feature f
        JOIN minerisk.batch b ON b.id = f.batch_id AND b.seq <= :known
        LEFT JOIN minerisk.survey_states(:known) s USING (survey_id)
        WHERE f.layer = 'mine_boundary' AND COALESCE(s.state, 'accepted') IN ('accepted', 'revoked')
          AND minerisk.shows(f.layer, f.valid, :on_day, NULL)
        GROUP BY f.mine_code, f.survey_id, s.state) licence
    WHERE shape && ST_MakeEnvelope(:west, :south, :east, :north, 4490)
    ORDER BY mine_code, state, since DESC NULLS LAST, key DESC
    """
)
_UNCLEAR = text(
    """
    SELECT 'unclear' AS layer, u.mine_code, NULL AS name, NULL AS verification, '' AS state,
        ST_AsGeoJSON(u.geom, 8) AS geometry
    FROM minerisk.unclear_ground u
    JOIN (SELECT DISTINCT ON (m.mine_code) m.mine_code, m.batch_id
        FROM minerisk.mine_state m JOIN minerisk.batch b ON b.id = m.batch_id
        WHERE b.seq <= :known ORDER BY m.mine_code, b.seq DESC) n USING (mine_code, batch_id)
    WHERE u.geom && ST_MakeEnvelope(:west, :south, :east, :north, 4490)
    """
)
_ENCOUNTERS = text(
    """
    SELECT 'encounters' AS layer, e.mine_code, NULL AS name, NULL AS verification,
        e.status AS state, ST_AsGeoJSON(e.geom, 8) AS geometry
    FROM minerisk.encounter e
    JOIN minerisk.batch b ON b.id = e.batch_id
    LEFT JOIN minerisk.encounter_end n ON n.encounter_id = e.id
    LEFT JOIN minerisk.batch d ON d.id = n.batch_id
    WHERE e.geom && ST_MakeEnvelope(:west, :south, :east, :north, 4490)
      AND b.seq <= :known AND (d.seq IS NULL OR d.seq > :known)
      AND minerisk.shows(e.layer, e.valid, :on_day, NULL)
    """
)
# What the newest run known found: zones by kind, and the flow paths below ponds.
_ZONES = text(
    """
    SELECT 'zone.' || z.kind AS layer, NULL AS mine_code, NULL AS name, NULL AS verification,
        '' AS state, ST_AsGeoJSON(z.geom, 8) AS geometry
    FROM minerisk.zone z
    WHERE z.run_id = minerisk.newest_run(:known)
      AND z.geom && ST_MakeEnvelope(:west, :south, :east, :north, 4490)
    UNION ALL
    SELECT 'path', NULL, NULL, NULL, '', ST_AsGeoJSON(h.geom, 8)
    FROM minerisk.head_top h
    WHERE h.run_id = minerisk.newest_run(:known)
      AND h.geom && ST_MakeEnvelope(:west, :south, :east, :north, 4490)
    """
)
# Workings whose last day is past, of surveys that stand; a key comes with every version.
_WORKED_OUT = text(
    """
    SELECT DISTINCT f.key, f.attrs ->> 'end' AS until FROM minerisk.feature f
    JOIN minerisk.survey_states((SELECT COALESCE(max(seq), 0) FROM minerisk.batch)) s
        USING (survey_id)
    WHERE f.layer = 'plan_item' AND s.state = 'accepted' AND f.attrs ->> 'end' < CAST(:on AS text)
      AND f.id NOT IN (SELECT minerisk.replaced(
          (SELECT COALESCE(max(seq), 0) FROM minerisk.batch)))
    """
)
_COVERAGE = text(
    """
    SELECT DISTINCT ON (m.mine_code) m.mine_code, m.coverage FROM minerisk.mine_state m
    JOIN minerisk.batch b ON b.id = m.batch_id
    WHERE b.seq <= :known ORDER BY m.mine_code, b.seq DESC
    """
)
# The states written in a span, and the last one before it, oldest first.
_WEEK = text(
    """
    SELECT m.mine_code, m.lines, b.seq, b.kind, b.actor_login, b.recorded_at
    FROM minerisk.mine_state m JOIN minerisk.batch b ON b.id = m.batch_id
    WHERE b.seq <= :known AND b.recorded_at <= :until AND (b.recorded_at >= :since OR b.seq = (
        SELECT max(o.seq) FROM minerisk.mine_state p JOIN minerisk.batch o ON o.id = p.batch_id
        WHERE p.mine_code = m.mine_code AND o.recorded_at < :since AND o.seq <= :known))
    ORDER BY b.seq, m.id
    """
)


def districts(conn: Connection) -> list[str]:
    """Return the codes of the districts in which one may see a mine."""
    return list(conn.scalars(_DISTRICTS))


def find(conn: Connection, wanted: str, limit: int) -> list[dict[str, Any]]:
    """Return what is called so, mines first: layer, mine_code, code, name, bounds."""
    escaped = wanted.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
    rows = conn.execute(_FIND, {"like": f"%{escaped}%"}).all()
    rows = sorted(rows, key=lambda row: (row.later, row.name, row.mine_code or ""))
    return [
        {
            "layer": row.layer,
            "mine_code": row.mine_code,
            "code": row.code,
            "name": row.name,
            "bounds": [row.west, row.south, row.east, row.north],
        }
        for row in rows[:limit]
    ]


def shapes(
    conn: Connection,
    bounds: tuple[float, float, float, float],
    wanted: Collection[str],
    factors: Collection[str],
    known_seq: int,
    on: date,
) -> list[dict[str, Any]]:
    """Return the shapes of some layers of the map within bounds, with GeoJSON geometry.

    Parameters
    ----------
    bounds : tuple
        West, south, east, north in degrees.
    wanted : collection of str
        Layers of the map; the licences come always.
    factors : collection of str
        Which kinds of factors.
    known_seq : int
        Number of the batch up to which things are known.
    on : date
        The day asked about.
    """
    west, south, east, north = bounds
    box = {"west": west, "south": south, "east": east, "north": north}
    asked = {**box, "known": known_seq, "on_day": on, "plan_day": horizon_day(conn, on)}
    layers: set[str] = set()
    for name in wanted:
        layers |= set(LAYERS.get(name) or ())
    if "factors" in wanted:
        layers -= set(LAYERS["factors"] or ()) - set(factors)
    # What the law forbids is drawn with the zones, though it comes as the ponds' layers do.
    layers -= {"prohibited_area"}
    if "zones" in wanted:
        layers.add("prohibited_area")
    rows = list(conn.execute(_LICENCES, {**box, "known": known_seq, "on_day": on}))
    rows += conn.execute(_SHAPES, {**asked, "wanted": sorted(layers)})
    if "unclear" in wanted:
        rows += conn.execute(_UNCLEAR, {**box, "known": known_seq})
    if "encounters" in wanted:
        rows += conn.execute(_ENCOUNTERS, {**box, "known": known_seq, "on_day": on})
    if "zones" in wanted:
        rows += conn.execute(_ZONES, {**box, "known": known_seq})
    drawn = [{**row._mapping, "geometry": json.loads(row.geometry)} for row in rows]
    if "water_lines" in wanted:
        drawn += water_lines.shapes(conn, bounds, known_seq, on)
    if "models" in wanted:
        drawn += terrain_outlines.shapes(conn, bounds, known_seq)
    return drawn


class Boards:
    """The boards of one reader on one day; each is read once, when it is asked for."""

    def __init__(self, conn: Connection, on: date, known_at: datetime | date | None = None) -> None:
        self.conn, self.on, self.known_at = conn, on, known_at
        self.seq = queries.seq_at(conn, known_at)

    @cached_property
    def mines(self) -> list[dict[str, Any]]:
        """The mines one may see, with their lines."""
        return queries.mines(self.conn, self.on, self.known_at)

    @cached_property
    def claims(self) -> Any:
        """The claims that hold."""
        return claims_holding(self.conn, None, self.seq, self.on)

    def _named(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return rows with the mine's name, and the sentence of the claim they rest on."""
        names = {mine["code"]: mine["name"] for mine in self.mines}
        by_key = {claim.key: claim for claim in self.claims.itertuples()}
        rules = telling(self.conn, self.seq)
        for row in rows:
            row["mine_name"] = names.get(row["mine_code"], row["mine_code"])
            claim = by_key.get(row.get("claim", ""))
            if claim is not None:
                row["why"] = {lang: sentence(claim, rules, lang) for lang in ("zh", "en")}
        return rows

    @cached_property
    def appraisal(self) -> list[dict[str, Any]]:
        """What must be appraised and is not."""
        return self._named(
            pure.not_appraised(self.claims, self.on, telling(self.conn, self.seq).appraisals)
        )

    @cached_property
    def hat(self) -> list[dict[str, Any]]:
        """What is determined lower than its floor."""
        return self._named(pure.graded_too_low(self.claims, self.on))

    @cached_property
    def lapse(self) -> list[dict[str, Any]]:
        """What would fall by itself, and stands."""
        found = self.conn.execute(_WORKED_OUT, {"on": self.on})
        gone = {row.key: date.fromisoformat(row.until) for row in found}
        done = pure.treated(self.claims, *accepted_works(self.conn, self.seq, self.on))
        return self._named(pure.lapse_proposed(self.claims, gone, self.on, done))

    @cached_property
    def unclear(self) -> list[dict[str, Any]]:
        """Where nobody looked or what was found is not resolved, per mine: the widest first."""
        rows = []
        least = telling(self.conn, self.seq).parameters.coverage_tolerance_m2.value
        for row in self.conn.execute(_COVERAGE, {"known": self.seq}):
            bad = [
                c
                for c in row.coverage
                if c["extent"] == "footprint"
                and (c["state"] != "clear" or c["plan_status"] != "ok")
            ]
            last = max((c["horizon"] for c in bad), default=0)
            open_kinds = [c for c in bad if c["horizon"] == last]
            if open_kinds:
                rows.append(
                    {
                        "mine_code": row.mine_code,
                        "kinds": sorted({c["kind"] for c in open_kinds}),
                        "states": sorted({s for c in open_kinds for s in states(c, least)}),
                        "area_m2": max(c["area_m2"] - c["covered_m2"] for c in open_kinds),
                        "share": min(c["share"] or 0.0 for c in open_kinds),
                        "plan_status": open_kinds[0]["plan_status"],
                    }
                )
        rows.sort(key=lambda r: (-r["area_m2"], r["mine_code"]))
        return self._named(rows)

    @cached_property
    def unsurveyed(self) -> list[dict[str, Any]]:
        """Ground nobody surveyed, by factor kind and seam: to be surveyed (L9)."""
        found = self.conn.execute(_COVERAGE, {"known": self.seq})
        least = telling(self.conn, self.seq).parameters.coverage_tolerance_m2.value
        rows = pure.uncovered({row.mine_code: row.coverage for row in found}, least)
        return self._named(rows)

    @cached_property
    def inferred(self) -> list[dict[str, Any]]:
        """Factors inferred: to be verified (L9)."""
        return self._named(doubtful(self.conn, "inferred", self.seq))

    @cached_property
    def unresolved(self) -> list[dict[str, Any]]:
        """Factors unclear: to be resolved at once, each with its measure plan (L9)."""
        return self._named(doubtful(self.conn, "unclear", self.seq))

    @cached_property
    def supply(self) -> list[dict[str, Any]]:
        """Attributes that rules lack: to be supplied (L9)."""
        return self._named(pure.supply(self.claims, self.on))

    @cached_property
    def advance(self) -> list[dict[str, Any]]:
        """Who advances into the unclear (L13)."""
        return queries.advance(self.conn, self.on, self.known_at)

    @cached_property
    def late(self) -> list[dict[str, Any]]:
        """What is late: working in unclear ground, not appraised, out of date, to be done again."""
        rows: list[dict[str, Any]] = [
            {"what": "under_way", "days": -r["days"], "since": r["starts"], **_of(r)}
            # A working that reaches several things is late once.
            for r in {r["item_key"]: r for r in self.advance}.values()
            if r["starts"] and r["days"] < 0
        ]
        rows += [
            {"what": "appraisal", "days": r["days"], "since": r["since"], **_of(r)}
            for r in self.appraisal
        ]
        rows += [
            {"what": "overdue", "days": r["days"], "since": r["until"], **_of(r)}
            for r in self.lapse
            if r["reason"] == "overdue"
        ]
        rows += [
            {"what": "measure", "days": (self.on - r["by_when"]).days, "since": r["by_when"]}
            | _of({**r, "name": r["object"]})
            for r in self.unresolved
            if r["by_when"] and r["by_when"] < self.on
        ]
        for one in queries.redo(self.conn):
            redo = {"what": "redo", "days": None, "since": None, "mine_code": ""}
            rows.append({**redo, "name": one["filename"], "survey_id": str(one["id"])})
        rows.sort(key=lambda r: (-(r["days"] if r["days"] is not None else -1), r["mine_code"]))
        return self._named(rows)

    @cached_property
    def week(self) -> list[dict[str, Any]]:
        """What changed in the seven days up to the end of the day asked about, newest first."""
        end = datetime.combine(self.on, time.max, clock.HERE)
        if self.on >= clock.today():
            end = max(end, clock.now())
        asked = {"known": self.seq, "since": end - timedelta(days=7), "until": end}
        before: dict[str, dict[str, Any]] = {}
        rows: list[dict[str, Any]] = []
        for row in self.conn.execute(_WEEK, asked):
            after = {line["hazard"]: line["effective"] for line in row.lines}
            was = before.get(row.mine_code)
            before[row.mine_code] = after
            if row.recorded_at < asked["since"]:
                continue
            rows += [
                {
                    "at": row.recorded_at,
                    "kind": row.kind,
                    "by": row.actor_login,
                    "mine_code": row.mine_code,
                    "hazard": hazard,
                    "before": (was or {}).get(hazard),
                    "after": grade,
                }
                for hazard, grade in after.items()
                if (was or {}).get(hazard) != grade
            ]
        return self._named(rows[::-1])

    @cached_property
    def plan(self) -> list[dict[str, Any]]:
        """The dates of the plan, and how far each is."""
        open_mines = {row["mine_code"] for row in self.unclear}
        of = len(self.mines)
        counts = {"survey": (of - len(open_mines), of)}
        counts |= plan_counts(pond_queries.ponds(self.conn, self.on, self.known_at))
        return pure.progress(pure.plan_dates(self.on), counts, self.on)


def _of(row: dict[str, Any]) -> dict[str, Any]:
    """Return whose a late row is, and what it concerns."""
    return {
        "mine_code": row["mine_code"],
        "hazard": row.get("hazard"),
        "name": row.get("name"),
        "claim": row.get("claim", ""),
    }

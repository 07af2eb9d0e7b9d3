"""Regrade: derive what follows from the facts, and write down only what differs.

Full run, one-upload run and preview call the same functions; a mine's rows do not depend on which
other mines are graded with it.
"""

from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import uuid4

import pandas as pd
import shapely
from geoalchemy2 import functions as gis
from psycopg.types.range import Range
from sqlalchemy import Connection, select

from geo.hazards import hazards
from geo.problems import Problem
from geo.rules import Rules
from geo.spread import Spread, one_after_another
from geo.store.engine import SYSTEM
from geo.store.facts import beside_each_other, load_world
from geo.store.mine_states import (
    as_wkb,
    drawn,
    newest_day,
    newest_lines,
    write_states,
)
from geo.store.publish import Batch, publishing
from geo.store.rule_sets import in_force, to_grade_by
from geo.store.standing import open_claims
from geo.store.tables import claim, claim_end, encounter, encounter_end, mine, survey
from geo.survey.assess import assess
from geo.survey.compare import catalogue_changes, compared
from geo.survey.lines import lines, moves
from geo.survey.world import World

_CHUNK = 40


@dataclass
class Changes:
    """What a regrade changed: mines graded, moves of grades, what falls, rows added and ended."""

    mines: list[str] = field(default_factory=list)
    moves: list[dict[str, Any]] = field(default_factory=list)
    # Grades that this batch lowers, today or on the day a claim it ended would have begun: `on`.
    falls: list[dict[str, Any]] = field(default_factory=list)
    claims_added: int = 0
    claims_ended: int = 0


def fell(move: dict[str, Any]) -> bool:
    """Tell whether a move goes down: to a lower grade, or from a grade to none."""
    if move["before"] is None:
        return False
    scale = hazards()[move["hazard"]]
    return move["after"] is None or scale.rank(move["after"]) < scale.rank(move["before"])


def _span(since: date | None, until: date | None) -> Range[date]:
    return Range(since, until, "[]" if since and until else "[)" if since else "(]")


def _owners(conn: Connection, codes: Collection[str]) -> dict[str, dict[str, Any]]:
    found = conn.execute(
        select(mine.c.code, mine.c.district, mine.c.owner_org).where(mine.c.code.in_(codes))
    )
    return {row.code: {"district": row.district, "owner_org": row.owner_org} for row in found}


def _write_claims(
    made: Batch, kept: pd.DataFrame, derived: pd.DataFrame, owners: Any, reason: tuple[str, str]
) -> tuple[int, int]:
    conn = made.conn
    new = derived[~derived["key"].isin(set(kept["key"]))]
    gone = kept[~kept["key"].isin(set(derived["key"]))]
    by_key = {row.key: row.id for row in conn.execute(select(survey.c.key, survey.c.id))}
    added = made.add(
        claim,
        (
            {
                "id": uuid4(),
                "key": row.key,
                "mine_code": row.mine_code,
                "hazard": row.hazard,
                "outcome": row.outcome,
                "grade": row.grade,
                "source": row.source,
                "status": row.status,
                "seam": row.seam,
                "rule_id": row.rule_id,
                "document": row.document,
                "encounter_key": row.encounter_key,
                "survey_id": by_key.get(row.survey_key),
                "valid": _span(row.valid_from, row.valid_to),
                "evidence": row.evidence,
                **owners[row.mine_code],
            }
            for row in new.itertuples()
        ),
    )
    kind, why = reason
    ended = made.add(
        claim_end,
        (
            {"claim_id": row.id, "kind": kind, "reason": why, **owners[row.mine_code]}
            for row in gone.itertuples()
        ),
    )
    return added, ended


def _falls(
    kept: pd.DataFrame, derived: pd.DataFrame, mines: Any, on: date
) -> Iterator[dict[str, Any]]:
    """Yield each grade that a batch lowers, on the first day from `on` that it shows.

    Both sides are taken on the same day, so that passing time is no fall; and on every day a claim
    that ends now would have begun, so that no grade to come is lowered unseen.
    """
    gone = kept[~kept["key"].isin(set(derived["key"])) & (kept["status"] != "provisional")]
    gone = gone[gone["grade"].notna()]
    if gone.empty:
        return
    touched = mines[mines["mine_code"].isin(set(gone["mine_code"]))]
    told: set[tuple[str, str]] = set()
    for day in sorted({on} | {since for since in gone["valid_from"] if since and since > on}):
        before, after = lines(kept, touched, day), lines(derived, touched, day)
        for move in moves(before, after).to_dict("records"):
            slot = (move["mine_code"], move["hazard"])
            if slot not in told and fell(move):
                told.add(slot)
                yield {**move, "on": day.isoformat()}


def _write_encounters(made: Batch, derived: Any, owners: Any) -> None:
    conn = made.conn
    kept = {
        row.key: row
        for row in conn.execute(
            select(
                encounter.c.id,
                encounter.c.key,
                encounter.c.mine_code,
                gis.ST_AsBinary(encounter.c.geom).label("wkb"),
            ).where(
                encounter.c.mine_code.in_(list(owners)),
                encounter.c.id.not_in(select(encounter_end.c.encounter_id)),
            )
        )
    }
    # The key does not speak of the place: it is clipped anew where the study area changed.
    standing = {
        key
        for key, shape in zip(derived["key"], derived.geometry, strict=True)
        if key in kept and _same_place(kept[key].wkb, shape)
    }
    new = derived[~derived["key"].isin(standing)]
    shapes = drawn(new.geometry.to_numpy())
    made.add(
        encounter,
        (
            {
                "id": uuid4(),
                "key": row.key,
                "mine_code": row.mine_code,
                "factor_key": row.factor_key,
                "layer": row.layer,
                "status": row.status,
                "valid": _span(row.enters_on, None),
                "evidence": {
                    **row.evidence,
                    "item_key": row.item_key,
                    "relation": row.relation,
                    "extent": row.extent,
                    "distance_m": row.distance_m,
                    "error_m": row.error_m,
                    "sensitive": row.sensitive,
                    "overlap_m2": row.overlap_m2,
                    "starts": row.starts and row.starts.isoformat(),
                    "own": row.own,
                },
                "geom": as_wkb(row.geometry, 4490),
                "geom_3857": as_wkb(shape, 3857),
                **owners[row.mine_code],
            }
            for row, shape in zip(new.itertuples(), shapes, strict=True)
        ),
    )
    made.add(
        encounter_end,
        (
            {"encounter_id": row.id, **owners[row.mine_code]}
            for key, row in kept.items()
            if key not in standing
        ),
    )


def _same_place(wkb: Any, shape: shapely.Geometry | None) -> bool:
    if wkb is None:
        return shape is None or shape.is_empty
    return shape is not None and bytes(wkb) == shapely.to_wkb(shape, byte_order=1)


def _assessed(
    conn: Connection,
    codes: Collection[str] | None,
    rules: Rules,
    on: date,
    spread: Spread = one_after_another,
) -> Iterator[tuple[World, list[str], Any]]:
    """Yield what follows from the facts for some mines, or all: world, mines and what follows."""
    wanted = sorted(codes) if codes is not None else sorted(conn.scalars(select(mine.c.code)))
    loaded: deque[tuple[World, list[str]]] = deque()

    def tasks() -> Iterator[tuple[World, Rules, list[str], date]]:
        in_order = beside_each_other(conn, wanted)
        for start in range(0, len(in_order), _CHUNK):
            part = in_order[start : start + _CHUNK]
            world = load_world(conn, rules, part)
            present = sorted(set(part) & set(world.mines["mine_code"]))
            if present:
                loaded.append((world, present))
                yield world, rules, present, on

    for assessed in spread(assess, tasks()):
        yield *loaded.popleft(), assessed


def would_move(
    conn: Connection, codes: Collection[str], on: date
) -> list[tuple[dict[str, Any], list[Any]]]:
    """Return the moves a regrade of some mines would tell, each with the claims behind its grade.

    Nothing is written and no lock is wanted: what `regrade` would derive from the facts that the
    connection sees, against the grades last written.
    """
    found: list[tuple[dict[str, Any], list[Any]]] = []
    for world, present, assessed in _assessed(conn, codes, in_force(conn), on):
        claims = assessed.derived.claims
        mines = world.mines[world.mines["mine_code"].isin(present)]
        by_key = {claim.key: claim for claim in claims.itertuples()}
        for move in moves(newest_lines(conn, present), lines(claims, mines, on)).to_dict("records"):
            winners = [by_key[key] for key in move["winners"] or () if key in by_key]
            found.append((move, winners))
    return found


def regrade(
    made: Batch,
    codes: Collection[str] | None = None,
    *,
    reason: tuple[str, str] = ("superseded", ""),
    may_lower: bool = False,
    rules: Rules | None = None,
    spread: Spread = one_after_another,
) -> Changes:
    """Grade some mines, or all, within a batch, and write what differs from what stands.

    Parameters
    ----------
    made : Batch
        The batch being published; its lock is held.
    codes : collection of str, optional
        The mines to grade; every mine where not given.
    reason : (kind, text)
        Written on claims that no longer follow from the facts.
    may_lower : bool
        Whether two persons stand behind a grade that falls. Without that a fall is refused: only
        an ending on record lowers a grade (L3).
    rules : Rules, optional
        The rule set; the one in force where not given.
    spread : Spread
        Where the mines are assessed: here, or on a cluster; the rows are the same. All are written
        here, in the batch's one transaction.

    Raises
    ------
    Problem
        ``store.would_lower`` with the moves, if a grade would fall and may not.
    """
    conn, rules = made.conn, rules or to_grade_by(made)
    changes = Changes()
    for world, present, assessed in _assessed(conn, codes, rules, made.on, spread):
        owners = _owners(conn, present)
        derived = assessed.derived
        before = newest_lines(conn, present)
        mines = world.mines[world.mines["mine_code"].isin(present)]
        after = lines(derived.claims, mines, made.on)
        kept = open_claims(conn, present)
        changes.falls += _falls(kept, derived.claims, mines, made.on)
        _write_encounters(made, derived.encounters, owners)
        added, ended = _write_claims(made, kept, derived.claims, owners, reason)
        horizon = int(rules.parameters.horizon_years.value)
        write_states(made, horizon, present, assessed, after, owners)
        changes.mines += present
        changes.claims_added += added
        changes.claims_ended += ended
        changes.moves += moves(before, after).to_dict("records")
    if changes.falls and not may_lower:
        raise Problem("store.would_lower", http_status=409, moves=changes.falls)
    return changes


def refuse_more(changes: Changes, agreed: list[dict[str, Any]]) -> None:
    """Raise where a batch lowers a grade that was not on the list both persons saw."""
    slots = {(move["mine_code"], move["hazard"], move["after"]) for move in agreed}
    more = [m for m in changes.falls if (m["mine_code"], m["hazard"], m["after"]) not in slots]
    if more:
        raise Problem("store.lowers_more", http_status=409, moves=more)


def compare_rules(
    conn: Connection, proposed: Rules, on: date, codes: Collection[str] | None = None
) -> dict[str, Any]:
    """Return which mines would change under other rules; nothing is written.

    Parameters
    ----------
    conn : Connection
        Of the worker role.
    proposed : Rules
        The rule set nobody has adopted yet.
    on : date
        The day asked about.
    codes : collection of str, optional
        The mines; every mine where not given.
    """
    now = in_force(conn)
    wider = max(now, proposed, key=lambda rules: rules.reach_m)
    wanted = sorted(codes) if codes is not None else sorted(conn.scalars(select(mine.c.code)))
    rows: list[dict[str, Any]] = []
    for start in range(0, len(wanted), _CHUNK):
        part = wanted[start : start + _CHUNK]
        world = load_world(conn, wider, part)
        rows += compared(world, now, proposed, on, part)
    return {
        "on": on.isoformat(),
        "version": now.version,
        "proposed": proposed.version,
        "rules": catalogue_changes(now, proposed),
        "mines_compared": len(wanted),
        "mines": rows,
    }


def new_day(conn: Connection, on: date) -> Changes | None:
    """Grade every mine where the newest state is of an earlier day: what a day brings must show.

    A claim says from which day it holds, an extent until when; time raises a grade or opens ground,
    and lowers nothing. None where the day has been seen already.
    """

    def seen() -> bool:
        newest = newest_day(conn)
        return newest is None or newest >= on

    if seen():
        return None
    with publishing(conn, SYSTEM, "regrade", on, {"reason": "new day"}) as made:
        if seen():
            made.abandoned = True
            return None
        return regrade(made, None)


__all__ = ["Changes", "compare_rules", "fell", "new_day", "refuse_more", "regrade", "would_move"]

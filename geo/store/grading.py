"""Regrade: derive what follows from the facts, and write down only what differs.

Full run, one-upload run and preview call the same functions; a mine's rows do not depend on which
other mines are graded with it.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import uuid4

import numpy as np
import pandas as pd
import shapely
from geoalchemy2 import WKBElement
from psycopg.types.range import Range
from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import distinct_on

from geo.crs import transform
from geo.hazards import colour_label, hazards, overall_colour
from geo.problems import Problem
from geo.rules import Rules, national_rules
from geo.store.facts import known_at, load_world, newest_seq
from geo.store.publish import Batch
from geo.store.tables import (
    batch,
    claim,
    claim_end,
    encounter,
    encounter_end,
    mine,
    mine_state,
    survey,
    unclear_ground,
)
from geo.survey.advance import advance
from geo.survey.claims import CLAIMS
from geo.survey.coverage import COVERAGE, coverage, unclear_mines
from geo.survey.derive import Derived, derive
from geo.survey.lines import lines, moves
from geo.survey.world import World, plain

_CHUNK = 200
LINES = ("determined", "proposed", "decided", "effective")


@dataclass
class Changes:
    """What a regrade changed: mines graded, moves of effective grades, rows added and ended."""

    mines: list[str] = field(default_factory=list)
    moves: list[dict[str, Any]] = field(default_factory=list)
    claims_added: int = 0
    claims_ended: int = 0

    @property
    def falls(self) -> list[dict[str, Any]]:
        """Return the moves to a lower grade."""
        return [move for move in self.moves if fell(move)]

    @property
    def raised(self) -> list[dict[str, Any]]:
        """Return the moves to a higher grade, or to a first one."""
        return [move for move in self.moves if not fell(move)]


def fell(move: dict[str, Any]) -> bool:
    """Tell whether a move goes down: to a lower grade, or from a grade to none."""
    if move["before"] is None:
        return False
    scale = hazards()[move["hazard"]]
    return move["after"] is None or scale.rank(move["after"]) < scale.rank(move["before"])


def _span(since: date | None, until: date | None) -> Range[date]:
    return Range(since, until, "[]" if since and until else "[)" if since else "(]")


def _wkb(shape: shapely.Geometry | None, srid: int) -> WKBElement | None:
    if shape is None or shape.is_empty:
        return None
    return WKBElement(shapely.to_wkb(shape), srid=srid)


def drawn(shapes: Any) -> Any:
    """Return geometries in EPSG:3857, to draw only."""
    return transform(np.asarray(shapes, dtype=object), 4490, 3857)


def open_claims(
    conn: Connection, codes: Collection[str] | None, known_seq: int | None = None
) -> pd.DataFrame:
    """Return the claims not ended as known at a batch: columns of ``CLAIMS`` and `id`."""
    known = newest_seq(conn) if known_seq is None else known_seq
    ended = (
        select(claim_end.c.claim_id)
        .outerjoin(batch, batch.c.id == claim_end.c.batch_id)
        .where(known_at(known))
    )
    wanted = (
        select(claim, survey.c.key.label("survey_key"))
        .outerjoin(survey, survey.c.id == claim.c.survey_id)
        .outerjoin(batch, batch.c.id == claim.c.batch_id)
        .where(known_at(known))
        .where(claim.c.id.not_in(ended))
        .order_by(claim.c.key)
    )
    if codes is not None:
        wanted = wanted.where(claim.c.mine_code.in_(codes))
    rows = [
        dict(row) | {"valid_from": row["valid"].lower, "valid_to": _until(row["valid"])}
        for row in conn.execute(wanted).mappings()
    ]
    return plain((*CLAIMS, "id"), rows)


def _until(span: Range[date]) -> date | None:
    if span.upper is None:
        return None
    day: date = span.upper
    return day if span.upper_inc else date.fromordinal(day.toordinal() - 1)


def _owners(conn: Connection, codes: Collection[str]) -> dict[str, dict[str, Any]]:
    found = conn.execute(
        select(mine.c.code, mine.c.district, mine.c.owner_org).where(mine.c.code.in_(codes))
    )
    return {row.code: {"district": row.district, "owner_org": row.owner_org} for row in found}


def _write_claims(
    made: Batch, derived: pd.DataFrame, owners: Any, reason: tuple[str, str]
) -> tuple[int, int]:
    conn = made.conn
    kept = open_claims(conn, list(owners))
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


def _write_encounters(made: Batch, derived: Any, owners: Any) -> None:
    conn = made.conn
    kept = {
        row.key: row
        for row in conn.execute(
            select(encounter.c.id, encounter.c.key, encounter.c.mine_code).where(
                encounter.c.mine_code.in_(list(owners)),
                encounter.c.id.not_in(select(encounter_end.c.encounter_id)),
            )
        )
    }
    new = derived[~derived["key"].isin(set(kept))]
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
                "geom": _wkb(row.geometry, 4490),
                "geom_3857": _wkb(shape, 3857),
                **owners[row.mine_code],
            }
            for row, shape in zip(new.itertuples(), shapes, strict=True)
        ),
    )
    standing = set(derived["key"])
    made.add(
        encounter_end,
        (
            {"encounter_id": row.id, **owners[row.mine_code]}
            for key, row in kept.items()
            if key not in standing
        ),
    )


def summary(mine_lines: pd.DataFrame, unclear: bool) -> dict[str, Any]:
    """Return what a map and a list show of one mine: colour, words, grade per hazard and line."""
    colours = {
        line: overall_colour(dict(zip(mine_lines["hazard"], mine_lines[line], strict=True)))
        for line in LINES
    }
    shown = colours["effective"]
    return {
        "colour": shown,
        "colours": colours,
        "label_zh": colour_label(shown or "none", "zh"),
        "label_en": colour_label(shown or "none", "en"),
        "unclear": unclear,
        "grades": dict(zip(mine_lines["hazard"], mine_lines["effective"], strict=True)),
    }


def _write_states(
    made: Batch, world: World, codes: list[str], derived: Derived, found: pd.DataFrame, owners: Any
) -> None:
    rules = national_rules()
    ground = coverage(world, rules, made.on, only=codes)
    ahead = advance(world, derived.claims, ground, rules, codes)
    unclear = set(unclear_mines(ground))
    horizon = int(rules.parameters.horizon_years.value)
    rows, open_rows = [], []
    for code in codes:
        mine_lines = found[found["mine_code"] == code]
        of_mine = ground[ground["mine_code"] == code]
        rows.append(
            {
                "mine_code": code,
                "on_date": made.on,
                "lines": mine_lines.drop(columns="mine_code").to_dict("records"),
                "coverage": of_mine[list(COVERAGE[1:])].to_dict("records"),
                "summary": summary(mine_lines, code in unclear)
                | {"advance": [r for r in ahead if r["mine_code"] == code]},
                **owners[code],
            }
        )
        near = of_mine[
            (of_mine["extent"] == "footprint")
            & (of_mine["horizon"] == horizon)
            & ~of_mine.geometry.is_empty
        ]
        if len(near):
            whole = shapely.union_all(near.geometry.to_numpy())
            (shape,) = drawn([whole])
            open_rows.append(
                {
                    "mine_code": code,
                    "kinds": sorted(set(near["kind"])),
                    "geom": _wkb(whole, 4490),
                    "geom_3857": _wkb(shape, 3857),
                    **owners[code],
                }
            )
    made.add(mine_state, rows)
    made.add(unclear_ground, open_rows)


def newest_lines(conn: Connection, codes: Collection[str]) -> pd.DataFrame:
    """Return the effective grades last written for some mines: mine_code, hazard, effective."""
    found = conn.execute(
        select(mine_state.c.mine_code, mine_state.c.lines)
        .ext(distinct_on(mine_state.c.mine_code))
        .where(mine_state.c.mine_code.in_(codes))
        .order_by(mine_state.c.mine_code, mine_state.c.id.desc())
    )
    return plain(
        ("mine_code", "hazard", "effective"),
        [{"mine_code": row.mine_code, **line} for row in found for line in row.lines],
    )


def regrade(
    made: Batch,
    codes: Collection[str] | None = None,
    *,
    reason: tuple[str, str] = ("superseded", ""),
    may_lower: bool = False,
    rules: Rules | None = None,
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

    Raises
    ------
    Problem
        ``store.would_lower`` with the moves, if a grade would fall and may not.
    """
    rules = rules or national_rules()
    conn = made.conn
    wanted = sorted(codes) if codes is not None else sorted(conn.scalars(select(mine.c.code)))
    changes = Changes()
    for start in range(0, len(wanted), _CHUNK):
        part = wanted[start : start + _CHUNK]
        world = load_world(conn, rules, part)
        present = sorted(set(part) & set(world.mines["mine_code"]))
        if not present:
            continue
        owners = _owners(conn, present)
        derived = derive(world, rules, present)
        before = newest_lines(conn, present)
        mines = world.mines[world.mines["mine_code"].isin(present)]
        after = lines(derived.claims, mines, made.on)
        _write_encounters(made, derived.encounters, owners)
        added, ended = _write_claims(made, derived.claims, owners, reason)
        _write_states(made, world, present, derived, after, owners)
        changes.mines += present
        changes.claims_added += added
        changes.claims_ended += ended
        changes.moves += moves(before, after).to_dict("records")
    if changes.falls and not may_lower:
        raise Problem("store.would_lower", http_status=409, moves=changes.falls)
    return changes

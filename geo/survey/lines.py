"""Four lines per hazard (L2): determined, proposed, decided, and the highest of the three."""

from datetime import date
from typing import Any

import geopandas as gpd
import pandas as pd

from geo.hazards import hazards, hazards_of, higher_of, overall_colour

LINES = (
    "mine_code",
    "hazard",
    "determined",
    "proposed",
    "decided",
    "effective",
    "not_below",
    "undetermined",
    "winners",
    "overdue",
    "warnings",
)
_LINE_OF = {
    "declared": "determined",
    "appraisal": "determined",
    "survey": "proposed",
    "neighbour": "proposed",
    "decision": "decided",
}
# L16: provisional interim grades of these show at once, as a warning.
_WARNS = ("hydro", "hydro_metal", "gas")


def in_force(claims: pd.DataFrame, on: date) -> pd.DataFrame:
    """Return the claims that hold on a day.

    An appraisal out of date stays in force (L3); only a rule that another replaced ends.
    """
    begun = [day is None or day <= on for day in claims["valid_from"]]
    ended = [
        end is not None and end < on and source in ("survey", "neighbour")
        for end, source in zip(claims["valid_to"], claims["source"], strict=True)
    ]
    return claims[
        pd.Series(begun, index=claims.index, dtype=bool)
        & ~pd.Series(ended, index=claims.index, dtype=bool)
    ]


def lines(claims: pd.DataFrame, mines: gpd.GeoDataFrame, on: date) -> pd.DataFrame:
    """Return one row per mine and hazard, graded or not.

    Parameters
    ----------
    claims : DataFrame
        As :func:`geo.survey.claims.claims` gives them.
    mines : GeoDataFrame
        With mine_code and kind.
    on : date
        The day asked about.

    Returns
    -------
    DataFrame
        Columns of ``LINES``; grades are codes or None (未定). `not_below` says that an attribute
        was missing above the grade shown, and `undetermined` which. Sorted by mine and scale.
    """
    holding = in_force(claims, on)
    groups: dict[tuple[str, str], list[Any]] = {}
    for claim in holding.itertuples():
        groups.setdefault((claim.mine_code, claim.hazard), []).append(claim)
    rows = [
        _line(mine.mine_code, hazard.code, groups.get((mine.mine_code, hazard.code), []), on)
        for mine in mines.sort_values("mine_code").itertuples()
        for hazard in hazards_of(mine.kind)
    ]
    return pd.DataFrame(
        {name: pd.Series([row[name] for row in rows], dtype=object) for name in LINES}
    )


def _line(mine_code: str, hazard: str, found: list[Any], on: date) -> dict[str, Any]:
    counting = [c for c in found if c.status != "provisional"]
    graded = [c for c in counting if c.grade is not None]
    row: dict[str, Any] = {"mine_code": mine_code, "hazard": hazard}
    for line in ("determined", "proposed", "decided"):
        row[line] = higher_of(hazard, (c.grade for c in graded if _LINE_OF[c.source] == line))
    effective = higher_of(hazard, (row["determined"], row["proposed"], row["decided"]))
    missing = {
        name
        for c in counting
        if c.outcome == "undetermined" and c.evidence.get("graded", True)
        for name in c.evidence.get("missing", ())
    }
    return row | {
        "effective": effective,
        "not_below": bool(missing) and effective not in (None, hazards()[hazard].grades[-1]),
        "undetermined": sorted(missing),
        "winners": sorted(c.key for c in graded if c.grade == effective),
        "overdue": any(
            c.source == "appraisal" and c.valid_to is not None and c.valid_to < on for c in graded
        ),
        "warnings": sorted(
            c.key
            for c in found
            if c.status == "provisional" and c.outcome == "manage_as" and hazard in _WARNS
        ),
    }


def colour(mine_lines: pd.DataFrame) -> str | None:
    """Return the overall display colour of one mine's lines (L6); None where nothing is graded."""
    return overall_colour(dict(zip(mine_lines["hazard"], mine_lines["effective"], strict=True)))


def moves(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Return each hazard whose effective grade differs, with the grade before and after."""
    key = ["mine_code", "hazard"]
    both = before[[*key, "effective"]].merge(
        after[[*key, "effective", "winners"]], on=key, how="outer", suffixes=("_before", "_after")
    )
    was = both["effective_before"].astype(object).where(both["effective_before"].notna(), None)
    now = both["effective_after"].astype(object).where(both["effective_after"].notna(), None)
    changed = [a != b for a, b in zip(was, now, strict=True)]
    frame = pd.DataFrame(
        {
            "mine_code": both["mine_code"],
            "hazard": both["hazard"],
            "before": was,
            "after": now,
            "winners": both["winners"],
        },
        dtype=object,
    )
    return frame[changed].sort_values(key).reset_index(drop=True)

"""The boards of a bureau, pure: what is not appraised, graded too low, lapsing, late, and planned.

Every function takes the claims that hold and the mines with their lines, and gives back rows; the
day is a parameter.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

import pandas as pd
import yaml

from geo.hazards import hazards, higher_of

Row = dict[str, Any]
# Claims a survey or a neighbour raises: a grade by a clause, or by interim management (L4).
_FLOORS = ("grade_floor", "manage_as")
_FOUND = ("survey", "neighbour")


@cache
def _data() -> dict[str, Any]:
    text = resources.files("geo.survey").joinpath("boards.yaml").read_text("utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def plan_dates(on: date) -> list[Row]:
    """Return the dates of the plan (L28) in order: id, due, measured, verified, text, whom.

    What falls due each year is shown with its next day, and after the last with that one.
    """
    rows = [{**one, "due": one.get("due") or _next(one["yearly"], on)} for one in _data()["plan"]]
    return sorted(rows, key=lambda row: row["due"])


def _next(yearly: Row, on: date) -> date:
    days = [
        date(year, yearly["month"], yearly["day"])
        for year in range(yearly["from"], yearly["to"] + 1)
    ]
    return next((day for day in days if day >= on), days[-1])


def _days(since: date | None, on: date) -> int | None:
    return None if since is None else (on - since).days


def _longest_first(rows: Iterator[Row]) -> list[Row]:
    return sorted(
        rows, key=lambda r: (-(r["days"] if r["days"] is not None else -1), r["mine_code"])
    )


def _counting(claims: pd.DataFrame, on: date) -> list[Any]:
    return [
        claim
        for claim in claims.itertuples()
        if claim.status != "provisional" and (claim.valid_from is None or claim.valid_from <= on)
    ]


def not_appraised(claims: pd.DataFrame, on: date, rules: Collection[str]) -> list[Row]:
    """Return duties to appraise that no appraisal in date has met (该鉴定不鉴定), longest first.

    `rules` are those whose duty that is (``Rules.appraisals``).

    An appraisal meets a duty from the day it is made, not one that began after it; an appraisal out
    of date stays in force but meets nothing (L3).
    """
    counting = _counting(claims, on)
    made: dict[tuple[str, str], list[date | None]] = {}
    for claim in counting:
        lapsed = claim.valid_to is not None and claim.valid_to < on
        if claim.source == "appraisal" and not lapsed:
            made.setdefault((claim.mine_code, claim.hazard), []).append(claim.valid_from)
    duties: dict[tuple[str, str], Any] = {}
    for claim in counting:
        slot = (claim.mine_code, claim.hazard)
        if claim.outcome != "duty" or claim.rule_id not in rules:
            continue
        since = claim.valid_from
        if any(since is None or (day is not None and day >= since) for day in made.get(slot, ())):
            continue
        first = duties.get(slot)
        if first is None or (since is not None and since < (first.valid_from or date.max)):
            duties[slot] = claim
    return _longest_first(
        {
            "mine_code": code,
            "hazard": hazard,
            "since": claim.valid_from,
            "days": _days(claim.valid_from, on),
            "claim": claim.key,
        }
        for (code, hazard), claim in duties.items()
    )


def graded_too_low(claims: pd.DataFrame, on: date) -> list[Row]:
    """Return hazards whose floor by the survey stands above what was determined (该戴帽不戴帽).

    Since the day on which the first claim above the determined grade began.
    """
    found: dict[tuple[str, str], list[Any]] = {}
    determined: dict[tuple[str, str], list[str]] = {}
    for claim in _counting(claims, on):
        slot = (claim.mine_code, claim.hazard)
        if claim.source in _FOUND and claim.outcome in _FLOORS and claim.grade is not None:
            found.setdefault(slot, []).append(claim)
        elif claim.source in ("declared", "appraisal") and claim.grade is not None:
            determined.setdefault(slot, []).append(claim.grade)

    def rows() -> Iterator[Row]:
        for (code, hazard), floors in found.items():
            rank = hazards()[hazard].rank
            said = higher_of(hazard, determined.get((code, hazard), ()))
            above = [c for c in floors if said is None or rank(c.grade) > rank(said)]
            if not above:
                continue
            highest = max(above, key=lambda c: (rank(c.grade), c.key))
            since = min((c.valid_from for c in above if c.valid_from), default=None)
            yield {
                "mine_code": code,
                "hazard": hazard,
                "determined": said,
                "floor": highest.grade,
                "since": since,
                "days": _days(since, on),
                "claim": highest.key,
            }

    return _longest_first(rows())


def treated(
    claims: pd.DataFrame,
    accepted: Mapping[tuple[str, str], date],
    owners: Mapping[str, tuple[str, str]],
) -> dict[str, date]:
    """Return the claims whose factor was treated by works that are accepted, and since when.

    Parameters
    ----------
    accepted : mapping
        {(mine code, code of what is treated): day}, of works whose acceptance is on record.
    owners : mapping
        {factor key: (mine code, code)} of the factors that bear one of those codes. Works of a mine
        treat its own factor of that code; where it has none, the neighbour's, from its own side.
    """
    own = set(owners.values())
    found: dict[str, date] = {}
    for claim in claims.itertuples():
        key = claim.evidence.get("factor_key")
        code = str((claim.evidence.get("attrs") or {}).get("code"))
        slot = owners.get(key, ("", ""))
        if slot not in accepted and (claim.mine_code, code) not in own:
            slot = (claim.mine_code, code)
        if key is not None and claim.source in _FOUND and slot in accepted:
            found[claim.key] = accepted[slot]
    return found


def lapse_proposed(
    claims: pd.DataFrame,
    worked_out: Mapping[str, date],
    on: date,
    treated: Mapping[str, date] | None = None,
) -> list[Row]:
    """Return grades that would fall by themselves if time could lower them (L3): they stand.

    Parameters
    ----------
    worked_out : mapping
        Key of each plan item whose last day is past, with that day.
    treated : mapping, optional
        Key of each claim whose factor was treated and accepted, with that day.

    Returns
    -------
    list of dict
        With `ends`, the factor for which the ending is to be proposed where treatment is accepted.
    """
    done = treated or {}

    def rows() -> Iterator[Row]:
        for claim in _counting(claims, on):
            if claim.grade is None:
                continue
            item = claim.evidence.get("item_key") or "" if claim.source in _FOUND else ""
            ends = None
            if claim.valid_to is not None and claim.valid_to < on and claim.source not in _FOUND:
                reason, until = "overdue", claim.valid_to
            elif claim.key in done and claim.status != "held":
                reason, until = "treated", done[claim.key]
                ends = f"factor:{claim.evidence['factor_key']}"
            elif item is not None and item in worked_out:
                reason, until = "worked_out", worked_out[item]
            elif claim.status == "held":
                reason, until = "held", None
            else:
                continue
            yield {
                "mine_code": claim.mine_code,
                "hazard": claim.hazard,
                "grade": claim.grade,
                "source": claim.source,
                "reason": reason,
                "until": until,
                "days": _days(until, on),
                "claim": claim.key,
                "ends": ends,
            }

    return _longest_first(rows())


def supply(claims: pd.DataFrame, on: date) -> list[Row]:
    """Return what attributes are to be supplied (L9): one row per mine, hazard and object.

    `missing` names them; the claim is the one that asks for most.
    """
    asked: dict[tuple[str, str, str, str], list[Any]] = {}
    for claim in _counting(claims, on):
        if claim.outcome in ("undetermined", "question") and claim.evidence.get("missing"):
            said = claim.evidence
            slot = (claim.mine_code, claim.hazard, said["layer"], said.get("factor_key") or "")
            asked.setdefault(slot, []).append(claim)
    rows = []
    for (code, hazard, layer, _), found in sorted(asked.items()):
        most = max(found, key=lambda c: (len(c.evidence["missing"]), c.key))
        attrs = most.evidence.get("attrs") or {}
        rows.append(
            {
                "mine_code": code,
                "hazard": hazard,
                "kind": layer,
                "object": None if layer == "mine" else attrs.get("code") or attrs.get("name"),
                "missing": sorted({name for c in found for name in c.evidence["missing"]}),
                "claim": most.key,
            }
        )
    return rows


def uncovered(coverage: Mapping[str, list[Row]], tolerance_m2: float) -> list[Row]:
    """Return the ground nobody surveyed (L9), by mine, factor kind and seam: the widest first.

    Parameters
    ----------
    coverage : mapping
        Rows of each mine, as :func:`geo.survey.coverage.coverage` gives them; the footprint at the
        longest horizon counts.
    tolerance_m2 : float
        Ground up to this area is none.
    """
    rows = []
    for code, found in coverage.items():
        near = [row for row in found if row["extent"] == "footprint"]
        last = max((row["horizon"] for row in near), default=0)
        for row in near:
            open_m2 = row["area_m2"] - row["covered_m2"]
            if row["horizon"] == last and open_m2 > tolerance_m2:
                named = {name: row[name] for name in ("kind", "seam", "share", "plan_status")}
                rows.append({"mine_code": code, "area_m2": open_m2, **named})
    rows.sort(key=lambda r: (-r["area_m2"], r["mine_code"], r["kind"], r["seam"] or ""))
    return rows


def progress(plan: list[Row], counts: Mapping[str, tuple[int, int]], on: date) -> list[Row]:
    """Return the dates of the plan with how far each is, and how late what is not done.

    Parameters
    ----------
    plan : list of dict
        As :func:`plan_dates` gives it.
    counts : mapping
        Done and of how many, by the name an item is `measured` by; an item without a count is
        ``unknown``. Where there is none to do, it is done.
    """
    rows = []
    for item in plan:
        done, total = counts.get(item["measured"], (None, None))
        if done is None or total is None:
            state = "unknown"
        elif done >= total:
            state = "done"
        else:
            state = "late" if item["due"] < on else "open"
        rows.append(
            {**item, "done": done, "of": total, "days": (on - item["due"]).days, "state": state}
        )
    return rows

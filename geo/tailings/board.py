"""The closure board: ponds counted by state, by lateness and by who must act, each with its list.

Takes ponds as :func:`geo.store.pond_queries.ponds` gives them; knows neither database nor clock.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from geo.tailings.life import life_rules
from geo.tailings.requirements import requirement_rules

Pond = dict[str, Any]
# Days late, upper bounds of the bands; the last is open.
BANDS = ("in_time", "late_90", "late_365", "late_more")
_DAYS = (0, 90, 365)
LISTS = ("must_close", "plan_open", "upcoming", "head_top", "alarms", "under", "questions")


def band(days_late: int) -> str:
    """Return the band of lateness of a number of days."""
    return BANDS[bisect_left(_DAYS, days_late)]


def must_close(pond: Pond) -> bool:
    """Tell whether a duty to close runs: one not met, of a pond still on the register.

    One that was struck off and is re-mined since has met it, until it ends again (L21).
    """
    return bool(pond["counted"] and any(d["met_on"] is None for d in pond["obligations"]))


def alarmed(pond: Pond) -> bool:
    """Tell whether a pond's monitoring raises an alarm.

    Silence is one, from the first: of the whole pond as of one item it must watch (L27).
    """
    found = pond["monitoring"]
    if pond["unheard"] is not None or pond["unread"]:
        return True
    return bool(found and (found["silent"] or found["level"] not in (None, "normal")))


def most_late(pond: Pond) -> int:
    """Return the days late of the duty that is latest; the two are never added (L21)."""
    return max((duty["days_late"] for duty in pond["obligations"]), default=0)


def demanded(ponds: Iterable[Pond]) -> list[dict[str, Any]]:
    """Return each requirement with the codes of the ponds that meet it, do not, or cannot tell.

    Of ponds still on the register only; what is not known is never counted as met.
    """
    rows: dict[str, dict[str, Any]] = {
        name: {"name": name, "yes": [], "no": [], "undetermined": []}
        for name in requirement_rules()
        if name != "in_production"
    }
    for one in ponds:
        for demand in one["requirements"] if one["counted"] else ():
            rows[demand["code"]][demand["outcome"]].append(one["code"])
    return list(rows.values())


# What the plan asks of ponds by a day (L28), and the duty of theirs that answers it.
_PLAN_DEMANDS = ("standardisation", "monitoring")


def plan_counts(ponds: Iterable[Pond]) -> dict[str, tuple[int, int]]:
    """Return done and of how many for each date of the plan that ponds answer.

    Closure counts ponds bound by the plan, struck off or not: what is done stays done.
    """
    listed = list(ponds)
    duties = [d for one in listed for d in one["obligations"] if d["code"] == "plan"]
    counts = {"pond_closure": (sum(d["met_on"] is not None for d in duties), len(duties))}
    for row in demanded(listed):
        if row["name"] in _PLAN_DEMANDS:
            met = len(row["yes"])
            total = met + len(row["no"]) + len(row["undetermined"])
            counts[f"pond_{row['name']}"] = (met, total)
    return counts


def _counted(ponds: Iterable[Pond], names: Sequence[str], of: Callable[[Pond], str]) -> list[Any]:
    lists: dict[str, list[str]] = {name: [] for name in names}
    for one in ponds:
        lists[of(one)].append(one["code"])
    return [{"name": n, "count": len(codes), "ponds": codes} for n, codes in lists.items()]


def board(ponds: Sequence[Pond]) -> dict[str, Any]:
    """Return the board's figures, each with the codes behind it.

    Returns
    -------
    dict
        total (ponds that count), by_state, by_lateness and by_who (of those that must close),
        by_demand (each requirement's yes, no and undetermined), late_law, late_plan, plan_open
        (bound by the plan, works not under way), upcoming, head_top, alarms,
        under (over workings), questions.
    """
    rules = life_rules()
    closing = [one for one in ponds if must_close(one)]

    def late(code: str) -> list[str]:
        return [
            one["code"]
            for one in closing
            if any(d["code"] == code and d["days_late"] > 0 for d in one["obligations"])
        ]

    return {
        "total": sum(1 for one in ponds if one["counted"]),
        "must_close": [one["code"] for one in closing],
        "by_state": _counted(ponds, list(rules["states"]), lambda p: str(p["state"])),
        "by_lateness": _counted(closing, BANDS, lambda p: band(most_late(p))),
        "by_who": _counted(closing, list(rules["who"]), lambda p: str(p["who"])),
        "by_demand": demanded(ponds),
        "late_law": late("law"),
        "late_plan": late("plan"),
        "plan_open": [
            one["code"]
            for one in ponds
            if any(d["code"] == "plan" and d["met_on"] is None for d in one["obligations"])
        ],
        "upcoming": [one["code"] for one in ponds if one["upcoming"]],
        "head_top": [one["code"] for one in ponds if one["counted"] and one["head_top"]["counts"]],
        "alarms": [one["code"] for one in ponds if one["counted"] and alarmed(one)],
        "under": [one["code"] for one in ponds if one["counted"] and one["under"]],
        "questions": [one["code"] for one in ponds if one["questions"]],
    }


def chosen(ponds: Iterable[Pond], asked: dict[str, str]) -> list[Pond]:
    """Return the ponds behind one or several figures.

    Parameters
    ----------
    ponds : iterable of dict
    asked : dict
        May hold state, late (a band, or ``law`` or ``plan``), who, demand (a requirement and its
        outcome, as ``freeboard.no``; ``open`` is what is not met or not known) and list (one of
        ``LISTS``); an empty value asks nothing.
    """
    listed = list(ponds)
    figures = board(listed)
    keep = {one["code"] for one in listed}
    for name, group in (("state", "by_state"), ("late", "by_lateness"), ("who", "by_who")):
        if not asked.get(name):
            continue
        if name == "late" and asked[name] in ("law", "plan"):
            keep &= set(figures[f"late_{asked[name]}"])
            continue
        keep &= next((set(f["ponds"]) for f in figures[group] if f["name"] == asked[name]), set())
    if asked.get("demand"):
        code, _, outcome = asked["demand"].partition(".")
        outcomes = ("no", "undetermined") if outcome == "open" else (outcome,)
        found = [row for row in figures["by_demand"] if row["name"] == code]
        keep &= {pond for row in found for name in outcomes for pond in row.get(name, ())}
    if asked.get("list") in LISTS:
        keep &= set(figures[asked["list"]])
    return [one for one in listed if one["code"] in keep]

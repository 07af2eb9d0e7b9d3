"""What a ledger counts (L19): distinct factors and mine-exposures, by kind and by place.

A fault through three mines is one factor and three exposures.
"""

from typing import Any

import numpy as np
import pandas as pd

from geo.survey.reckon import number

PLACES = ("province", "county", "enterprise", "mine")


def totals(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a county's counts by kind: distinct factors and mine-exposures (L19).

    Returns
    -------
    list of dict
        kind, factors, exposures, standing (factors not struck off), area_m2 and water_m3 of the
        distinct factors (a range counts by its upper end), unknown_water (factors that hold water,
        or of which nobody knows whether, and no volume is known: unknown is never nought).
    """
    return [
        {"kind": kind, **counts(group)}
        for kind, group in sorted(frame.groupby("kind"), key=lambda pair: str(pair[0]))
    ]


def counts(group: pd.DataFrame) -> dict[str, Any]:
    """Return the counts of some rows of a ledger, as :func:`totals` names them."""
    once = group.drop_duplicates("factor_key")
    water = np.array([number(value, "high") for value in once["water_m3"]], dtype=float)
    asked = [
        said in ("present", "unknown") or volume is not None
        for said, volume in zip(once["water"], once["water_m3"], strict=True)
    ]
    return {
        "factors": len(once),
        "exposures": len(group),
        "standing": int((once["state"] != "struck_off").sum()),
        "area_m2": round(float(once["area_m2"].sum()), 3),
        "water_m3": round(float(np.nansum(water)), 3),
        "unknown_water": int((np.array(asked, dtype=bool) & np.isnan(water)).sum()),
    }


def rolled_up(frame: pd.DataFrame, of: dict[str, str]) -> list[dict[str, Any]]:
    """Return the counts of groups of mines: enterprises, counties.

    Parameters
    ----------
    frame : DataFrame
        As :func:`ledger` gives it.
    of : dict
        {mine code: group}. A factor that mines of one group share is counted once there.
    """
    groups: dict[str, list[int]] = {}
    for at, code in enumerate(frame["mine_code"]):
        groups.setdefault(of.get(code, ""), []).append(at)
    return [{"group": name, **counts(frame.iloc[at])} for name, at in sorted(groups.items())]


def tree(frame: pd.DataFrame, places: dict[str, tuple[str, str, str]]) -> list[dict[str, Any]]:
    """Return the counts of each province, county, enterprise and mine, each below its own above.

    Parameters
    ----------
    frame : DataFrame
        As :func:`ledger` gives it.
    places : dict
        {mine code: (province, county, enterprise)}; a mine with no rows counts nought.

    Returns
    -------
    list of dict
        level (one of ``PLACES``), group, and counts. A factor that mines of one group share is
        counted once there, so the factors of a county may be fewer than the sum of its mines'.
    """
    under: dict[tuple[str, ...], set[str]] = {}
    for code, place in places.items():
        path = (*place, code)
        for depth in range(1, len(path) + 1):
            under.setdefault(path[:depth], set()).add(code)
    return [
        {
            "level": PLACES[len(path) - 1],
            "group": path[-1],
            **counts(frame[frame["mine_code"].isin(codes)]),
        }
        for path, codes in sorted(under.items())
    ]

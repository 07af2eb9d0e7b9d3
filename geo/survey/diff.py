"""What differs between a survey and the one it replaces, feature by feature."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import shapely

from geo.crs import local_zone, to_metric

Row = dict[str, Any]
# What says the same thing anew on each survey, or where the row was filed.
_ASIDE = ("observed_on", "survey_unit")


def _who(row: Row) -> tuple[str, str, str]:
    """Return what a row is known by: layer, mine, and its own code or name."""
    attrs = row["attrs"]
    own = attrs.get("code") or attrs.get("name") or attrs.get("mine_name") or ""
    return row["layer"], row["mine_code"] or "", str(own)


def _metric(shape: Any) -> Any:
    x, _ = shapely.get_coordinates(shapely.centroid(shape))[0]
    (moved,) = to_metric(np.array([shape], dtype=object), local_zone(float(x)))
    return moved


def _size(shape: Any) -> float | None:
    """Return square metres of an area, metres of a line, None of a point."""
    metric = _metric(shape)
    kind = shapely.get_dimensions(metric)
    return None if kind == 0 else round(float(metric.area if kind == 2 else metric.length), 1)


def _changed(before: Row, after: Row) -> Row:
    names = sorted(
        name
        for name in {*before["attrs"], *after["attrs"]}
        if name not in _ASIDE and before["attrs"].get(name) != after["attrs"].get(name)
    )
    was, now = _metric(before["geometry"]), _metric(after["geometry"])
    moved = float(shapely.hausdorff_distance(was, now)) if not was.equals(now) else 0.0
    return {"fields": names, "moved_m": round(moved, 2)}


def differences(before: Iterable[Row], after: Iterable[Row]) -> dict[str, Any]:
    """Return what was added, is gone, or changed, and how many rows are as they were.

    Rows are matched by layer, mine and their own code or name; where that is missing or stands for
    several rows nothing is matched, and the old row is gone and the new one added.

    Parameters
    ----------
    before, after : iterable of dict
        Rows with key, layer, mine_code, attrs and geometry in CGCS2000.

    Returns
    -------
    dict
        ``rows``: layer, mine_code, name, change (added, gone, changed), size_before and size_after
        (m² of areas, m of lines), fields, moved_m; and ``same``.
    """
    old, new = list(before), list(after)
    kept = {row["key"] for row in old} & {row["key"] for row in new}
    sides: list[dict[tuple[str, str, str], list[Row]]] = [{}, {}]
    for side, rows in zip(sides, (old, new), strict=True):
        for row in rows:
            if row["key"] not in kept:
                side.setdefault(_who(row), []).append(row)
    rows_: list[Row] = []
    for who in sorted({*sides[0], *sides[1]}):
        gone, added = sides[0].get(who, []), sides[1].get(who, [])
        base = {"layer": who[0], "mine_code": who[1], "name": who[2]}
        if who[2] and len(gone) == len(added) == 1:
            rows_.append(
                {
                    **base,
                    "change": "changed",
                    "size_before": _size(gone[0]["geometry"]),
                    "size_after": _size(added[0]["geometry"]),
                    **_changed(gone[0], added[0]),
                }
            )
            continue
        nothing: Row = {"fields": [], "moved_m": None}
        rows_ += [
            {**base, "change": "gone", "size_before": _size(row["geometry"]), "size_after": None}
            | nothing
            for row in gone
        ]
        rows_ += [
            {**base, "change": "added", "size_before": None, "size_after": _size(row["geometry"])}
            | nothing
            for row in added
        ]
    order = {"gone": 0, "changed": 1, "added": 2}
    rows_.sort(key=lambda row: (order[row["change"]], row["layer"], row["name"]))
    return {"rows": rows_, "same": len(kept)}

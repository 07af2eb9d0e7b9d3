"""Which survey repeats an earlier one as new fieldwork (L18): compared as both were filed.

What a survey replaced, and what two surveys filed word for word the same, is no longer in the
World; here every survey stands with its own rows.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import geopandas as gpd
import shapely

from geo.survey.world import FACTORS, spatial

Fieldwork = frozenset[tuple[date | None, date | None]]


@dataclass(frozen=True)
class Filed:
    """Rows as surveys filed them, and how the surveys stand to each other.

    `rows` has the columns of ``FACTORS``; its `status` is ``superseded`` besides those of the
    World. `fieldwork` holds the dates a survey's extents state, `received` the order in which
    surveys came, `replaces` the survey that one names as replaced by it; all by survey key.
    """

    rows: gpd.GeoDataFrame = field(default_factory=lambda: spatial(FACTORS))
    fieldwork: Mapping[str, Fieldwork] = field(default_factory=dict)
    received: Mapping[str, int] = field(default_factory=dict)
    replaces: Mapping[str, str] = field(default_factory=dict)

    def replaced_by(self, later: str, earlier: str) -> bool:
        """Tell whether a survey took another's place, by however many steps."""
        at = self.replaces.get(later)
        while at is not None and at != earlier:
            at = self.replaces.get(at)
        return at is not None


def _age(filed: Filed, row: Any) -> tuple[date, date, int, str]:
    """Return what orders two surveys: fieldwork, the day a thing was seen, receipt."""
    days = [day for span in filed.fieldwork.get(row.survey_key, ()) for day in span if day]
    return (
        max(days, default=date.min),
        row.observed_on or date.min,
        filed.received.get(row.survey_key, 0),
        row.survey_key,
    )


def _in_order(filed: Filed, one: Any, other: Any) -> tuple[Any, Any]:
    """Return the earlier and the later of two rows; what only one of them states orders nothing."""
    ages = _age(filed, one), _age(filed, other)
    comparable = [
        (a, b)
        for a, b in zip(*ages, strict=True)
        if a != date.min and b != date.min
    ]  # fmt: skip
    first, second = zip(*comparable, strict=True)
    return (one, other) if first < second else (other, one)


def _new_fieldwork(filed: Filed, earlier: Any, later: Any) -> bool:
    """Tell whether the later of two rows is given out as fieldwork of its own.

    By what the extents of both surveys state; where one states nothing, by another day on which
    the thing was seen, or by taking the earlier survey's place.
    """
    spans = [filed.fieldwork.get(row.survey_key) for row in (earlier, later)]
    if all(spans):
        return spans[0] != spans[1]
    return earlier.observed_on != later.observed_on or filed.replaced_by(
        later.survey_key, earlier.survey_key
    )


def copies(filed: Filed) -> Iterator[tuple[str, str, str, list[str]]]:
    """Yield (later survey, earlier survey, mine code, keys of the later's rows) of each repetition.

    A row repeats another where shape and layer are the same, and the water level or the day it was
    seen. The same shape alone says nothing: an old goaf should be identical. A survey whose place
    another took is compared with, and no longer asked about.
    """
    same: dict[tuple[Any, str], list[Any]] = {}
    shapes = shapely.to_wkb(shapely.normalize(filed.rows.geometry.to_numpy()))
    for wkb, row in zip(shapes, filed.rows.itertuples(), strict=True):
        same.setdefault((wkb, row.layer), []).append(row)
    pairs: dict[tuple[str, str, str], set[str]] = {}
    for rows in same.values():
        for at, one in enumerate(rows):
            for other in rows[at + 1 :]:
                if one.survey_key == other.survey_key:
                    continue
                earlier, later = _in_order(filed, one, other)
                level = later.attrs.get("water_level_m")
                kept = (level is not None and level == earlier.attrs.get("water_level_m")) or (
                    later.observed_on is not None and later.observed_on == earlier.observed_on
                )
                if kept and later.status != "superseded" and _new_fieldwork(filed, earlier, later):
                    slot = (later.survey_key, earlier.survey_key, later.mine_code)
                    pairs.setdefault(slot, set()).add(later.key)
    for slot in sorted(pairs, key=str):
        yield (*slot, sorted(pairs[slot]))

"""Mining footprint of the next years, and from which day a plan item belongs to it (L10, L11)."""

from dataclasses import dataclass
from datetime import date, timedelta

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo.crs import to_metric
from geo.survey.world import World


def years_later(day: date, years: int) -> date:
    """Return the corresponding day; the month's last where there is none."""
    moved: date = (pd.Timestamp(day) + pd.DateOffset(years=years)).date()
    return moved


@dataclass(frozen=True)
class PlanStatus:
    """Whether a mine's accepted plan reaches over the horizon, and from when it no longer does.

    `whole_field_from` is the first day on which the footprint is the whole licence area; None
    stands for "always" where `missing`.
    """

    missing: bool
    last_end: date | None
    whole_field_from: date | None

    def on(self, day: date, years: int) -> str:
        """Return ``ok``, ``plan_missing`` or ``plan_short`` for a horizon of `years`."""
        if self.missing or self.last_end is None:
            return "plan_missing"
        return "plan_short" if self.last_end < years_later(day, years) else "ok"


def unfinished(plan: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the items that are planned and not yet worked out: time alone finishes none (L10)."""
    done = plan["finished"].map(lambda value: value is True)
    return plan[~done.astype(bool)]


def plan_status(items: gpd.GeoDataFrame, years: int) -> PlanStatus:
    """Return the plan status of one mine from its accepted items.

    An item without an end date is taken to end on its start, or not to reach at all.
    """
    counted = items[items["status"] == "in_force"]
    if counted.empty:
        return PlanStatus(missing=True, last_end=None, whole_field_from=None)
    ends = [end or start for end, start in zip(counted["end"], counted["start"], strict=True)]
    last = max((end for end in ends if end is not None), default=date.min)
    if last == date.min:
        return PlanStatus(missing=False, last_end=last, whole_field_from=None)
    return PlanStatus(
        missing=False,
        last_end=last,
        whole_field_from=years_later(last, -years) + timedelta(days=1),
    )


def enters_on(start: date | None, years: int) -> date | None:
    """Return the first day D with start ≤ D + years; None (always) for an item without dates."""
    if start is None:
        return None
    day = years_later(start, -years)
    while years_later(day, years) < start:  # 29 February has no twin in most years
        day += timedelta(days=1)
    return day


@dataclass(frozen=True)
class Workings:
    """A mine's accepted, unfinished items and its field, in metres of the mine's own zone.

    `starts` and `seams` are the items', `last` their plan's status whatever the horizon.
    """

    starts: NDArray[np.object_]
    seams: NDArray[np.object_]
    shapes: NDArray[np.object_]
    field: shapely.Geometry
    last: PlanStatus


def workings(world: World, mine_code: str) -> Workings:
    """Return what a mine's footprints are made of, whatever the horizon."""
    mine = world.mines[world.mines["mine_code"] == mine_code].iloc[0]
    zone = int(mine["zone_epsg"])
    items = unfinished(world.plan[world.plan["mine_code"] == mine_code])
    items = items[items["status"] == "in_force"]
    (field,) = to_metric(np.array([mine.geometry], dtype=object), zone)
    return Workings(
        items["start"].to_numpy(),
        items["seam"].to_numpy(),
        to_metric(items.geometry.to_numpy(), zone),
        field,
        plan_status(items, 0),
    )


def footprint(planned: Workings, on: date, years: int) -> tuple[shapely.Geometry, str, list[str]]:
    """Return a mine's footprint for `years` from `on`: geometry in metres, status, seams mined.

    The footprint is what takes [on, on + years] among the accepted, unfinished items; the whole
    licence area where no plan reaches that far.
    """
    status = planned.last.on(on, years)
    horizon = years_later(on, years)
    met = np.array([start is None or start <= horizon for start in planned.starts], dtype=bool)
    shapes = list(planned.shapes[met])
    if status != "ok":
        shapes.append(planned.field)
    seams = sorted({str(seam) for seam in planned.seams[met] if seam})
    return shapely.union_all(np.array(shapes, dtype=object)), status, seams

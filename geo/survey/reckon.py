"""What formulae make of an encounter: elevations compared, fracture zones, pillars, coefficients.

Each result is an attribute that a rule may compare (`REACHED` lists them); where an input is
missing the result is too, and `wanting` names the input. Nothing here knows a threshold.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.survey import formulae
from geo.survey.layers import stated

Attrs = Mapping[str, Any]
Floats = NDArray[np.float64]

# Layers that lie at an elevation of their own: a working may pass above or below them.
LYING = (
    "goaf",
    "abandoned_mine",
    "aquifer",
    "surface_water",
    "buried_channel",
    "skylight",
    "fire_area",
    "water_conducting_zone",
)
# The hydrogeology type in effect, whoever said so: known once the other claims are (L2, L14).
EFFECTIVE_TYPE = "mine.hydro_effective"
# Attributes made here, by the layer they are made for; None: of the mine.
REACHED: dict[str | None, tuple[str, ...]] = {
    **dict.fromkeys(LYING, ("vertical", "gap_m", "fracture_zone_m", "fracture_margin_m")),
    "goaf": (
        "vertical", "gap_m", "fracture_zone_m", "fracture_margin_m",
        "search_margin_m", "warning_margin_m",
    ),
    "abandoned_mine": (
        "vertical", "gap_m", "fracture_zone_m", "fracture_margin_m",
        "search_margin_m", "warning_margin_m",
    ),
    "aquifer": ("vertical", "gap_m", "fracture_zone_m", "fracture_margin_m", "inrush_mpa_m"),
    "fault": ("pillar_m", "pillar_margin_m", "aquifer_pillar_m", "aquifer_pillar_margin_m"),
    "mine_boundary": ("pillar_margin_m",),
    "ground_pressure_area": ("strength_ratio",),
    None: ("mine.north_west", EFFECTIVE_TYPE),
}  # fmt: skip

# Lengths to 1 mm; coefficients finer than any limit they are compared with.
_DIGITS = {"inrush_mpa_m": 6, "strength_ratio": 6} | dict.fromkeys(
    ("gap_m", "fracture_zone_m", "fracture_margin_m", "search_margin_m", "warning_margin_m",
     "pillar_m", "pillar_margin_m", "aquifer_pillar_m", "aquifer_pillar_margin_m"), 3
)  # fmt: skip


def number(value: Any, side: str | None = None) -> float:
    """Return a cell as a number; of a range its `low` or `high` side, nan where it says nothing."""
    if isinstance(value, bool) or value is None:
        return math.nan
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, Mapping) and side is not None:
        bound = value.get(side)
        return math.nan if bound is None else float(bound)
    return math.nan


def _column(attrs: Sequence[Attrs], name: str, side: str | None = None) -> Floats:
    return np.array([number(a.get(name), side) for a in attrs], dtype=float)


def mine_values(attrs: Attrs, district: str | None) -> dict[str, Any]:
    """Return a mine's figures as rules see them: ``mine.<field>``, with what follows from them.

    Whether its county goes by the north-west column follows from its district; the class of the
    overlying rock, where it is not stated, from its strength.
    """
    found = {f"mine.{name}": value for name, value in stated("mine_boundary", attrs).items()}
    found["mine.north_west"] = formulae.north_west(district)
    if attrs.get("roof_rock_class") is None:
        (made,) = formulae.rock_class([number(attrs.get("roof_ucs_mpa"), "low")])
        if made is not None:
            found["mine.roof_rock_class"] = made
    return found


def _tops(layer: str, attrs: Sequence[Attrs]) -> Floats:
    if layer == "surface_water":
        return _column(attrs, "level_m")
    if layer in ("goaf", "abandoned_mine"):
        height = np.fmax(
            _column(attrs, "mining_height_m", "high"), _column(attrs, "void_height_m", "high")
        )
        return _column(attrs, "floor_m") + height
    return _column(attrs, "top_m")


# What an elevation is compared by; the rest only makes the height of the zone.
_PLACED = ("item.floor_m", "item.height_m", "floor_m")


def _lying(layer: str, attrs: Sequence[Attrs], item: Attrs, mine: Attrs) -> dict[str, Any]:
    """Return how factors lie to a working, and whether the lower one's fracture zone reaches up."""
    count = len(attrs)
    floor, height = number(item["floor_m"]), number(item["height_m"])
    floors = _column(attrs, "floor_m")
    gap = formulae.gap(
        np.full(count, floor), np.full(count, floor + height), floors, _tops(layer, attrs)
    )
    # The zone grows from whichever lies lower: from the working, or from a goaf under it.
    lower = gap < 0
    heights = np.where(lower, _column(attrs, "mining_height_m", "high"), height)
    rock = [mine.get("mine.roof_rock_class")] * count
    methods = [None if under else item["method"] for under in lower]
    # A working that does not state its dip is taken to lie as what it passes.
    own_dip, dips = number(item["dip_deg"], "high"), _column(attrs, "dip_deg", "high")
    dips = np.where(lower | math.isnan(own_dip), dips, own_dip)
    stages = np.where(lower, _column(attrs, "stage_m", "high"), number(item["stage_m"], "high"))
    zone = np.where(
        lower & (layer not in ("goaf", "abandoned_mine")),
        np.nan,
        formulae.fracture_zone(heights, rock, np.nan_to_num(dips), methods, stages),
    )
    unstaged = formulae.is_steep(dips) & np.isnan(stages)
    side = np.where(gap > 0, "above", np.where(lower, "below", "level")).astype(object)
    side[np.isnan(gap)] = None
    lacking = {"item.floor_m": math.isnan(floor), "item.height_m": math.isnan(height)}
    wants = [
        [n for n, gone in lacking.items() if gone]
        + (["floor_m"] if math.isnan(low) else [])
        + (["mine.roof_rock_class"] if rock[0] is None else [])
        + (["stage_m" if under else "item.stage_m"] if steep else [])
        for low, under, steep in zip(floors, lower, unstaged, strict=True)
    ]
    return {
        "vertical": side,
        "gap_m": np.abs(gap),
        "fracture_zone_m": zone,
        "fracture_margin_m": np.abs(gap) - zone,
        "wanting": [
            {"vertical": [w for w in lost if w in _PLACED] or ["top_m"],
             "fracture_margin_m": lost or ["mining_height_m"]}
            for lost in wants
        ],
    }  # fmt: skip


def _fault(attrs: Sequence[Attrs], item: Attrs, mine: Attrs, margin: Floats) -> dict[str, Any]:
    height = number(item["height_m"])
    pressure = _column(attrs, "water_pressure_mpa", "high")
    tensile = number(mine.get("mine.coal_tensile_mpa"), "low")
    pillar = formulae.fault_pillar(height, pressure, tensile)
    # The flatter the fault, the wider the pillar.
    dips = _column(attrs, "dip_deg", "low")
    deep = formulae.aquifer_fault_pillar(pressure, dips)
    dry = [["water_pressure_mpa"] if math.isnan(p) else [] for p in pressure]
    always = [
        *(["item.height_m"] if math.isnan(height) else []),
        *(["mine.coal_tensile_mpa"] if math.isnan(tensile) else []),
    ]
    return {
        "pillar_m": pillar,
        "pillar_margin_m": margin - pillar,
        "aquifer_pillar_m": deep,
        "aquifer_pillar_margin_m": margin - deep,
        "wanting": [
            {
                "pillar_margin_m": [*always, *lost],
                "aquifer_pillar_margin_m": [*lost, *(["dip_deg"] if math.isnan(dip) else [])],
            }
            for lost, dip in zip(dry, dips, strict=True)
        ],
    }


def _boundary(attrs: Sequence[Attrs], mine: Attrs, margin: Floats) -> dict[str, Any]:
    design = number(mine.get("mine.boundary_pillar_design_m"), "high")
    return {
        "pillar_margin_m": margin - design,
        "wanting": [{"pillar_margin_m": ["mine.boundary_pillar_design_m"]}] * len(attrs),
    }


def _goaf_lines(seen: Sequence[str], margin: Floats) -> dict[str, Any]:
    return {
        "search_margin_m": margin - formulae.search_line(seen),
        "warning_margin_m": margin - formulae.warning_line(seen),
    }


def _aquifer(attrs: Sequence[Attrs]) -> dict[str, Any]:
    names = ("pressure_mpa", "barrier_m")
    coefficient = formulae.inrush_coefficient(
        _column(attrs, names[0], "high"), _column(attrs, names[1], "low")
    )
    return {
        # No barrier at all: beyond any limit, in a figure that JSON can hold.
        "inrush_mpa_m": np.where(np.isinf(coefficient), 1e9, coefficient),
        "wanting": [{"inrush_mpa_m": [n for n in names if a.get(n) is None]} for a in attrs],
    }


def _pressure(attrs: Sequence[Attrs]) -> dict[str, Any]:
    names = ("rock_strength_mpa", "max_stress_mpa")
    made = formulae.strength_stress_ratio(
        _column(attrs, names[0], "low"), _column(attrs, names[1], "high")
    )
    stated = _column(attrs, "strength_ratio", "low")
    return {
        "strength_ratio": np.where(np.isnan(stated), made, stated),
        "wanting": [{"strength_ratio": list(names)}] * len(attrs),
    }


def reckon(
    layer: str,
    attrs: Sequence[Attrs],
    seen: Sequence[str],
    margin_m: Floats,
    item: Attrs | None,
    mine: Attrs,
) -> list[tuple[dict[str, Any], dict[str, list[str]]]]:
    """Return what follows for factors of one layer that meet one working or field.

    Parameters
    ----------
    layer : str
        Layer of all the factors.
    attrs : (n,) sequence of mapping
        Their attributes.
    seen : (n,) sequence of str
        Their verification.
    margin_m : (n,) array
        Distance less the combined error.
    item : mapping or None
        The working (floor_m, height_m, method); None for the licence as a whole.
    mine : mapping
        As :func:`mine_values` gives it.

    Returns
    -------
    list of (made, wanting)
        Attributes made, lengths to 1 mm; and, for one that could not be made, the inputs it lacks.
    """
    parts: list[dict[str, Any]] = []
    if item is not None and layer in LYING:
        parts.append(_lying(layer, attrs, item, mine))
    if item is not None and layer == "fault":
        parts.append(_fault(attrs, item, mine, margin_m))
    if layer == "mine_boundary":
        parts.append(_boundary(attrs, mine, margin_m))
    if layer in ("goaf", "abandoned_mine"):
        parts.append(_goaf_lines(seen, margin_m))
    if layer == "aquifer":
        parts.append(_aquifer(attrs))
    if layer == "ground_pressure_area":
        parts.append(_pressure(attrs))
    rows: list[tuple[dict[str, Any], dict[str, list[str]]]] = [({}, {}) for _ in attrs]
    for part in parts:
        wanting = part.pop("wanting", None)
        for name, column in part.items():
            for i, (made, wants) in enumerate(rows):
                value = column[i]
                if value is None or (isinstance(value, float) and math.isnan(value)):
                    if wanting is not None and wanting[i].get(name):
                        wants[name] = wanting[i][name]
                else:
                    made[name] = (
                        value if isinstance(value, str) else round(float(value), _DIGITS[name])
                    )
    return rows

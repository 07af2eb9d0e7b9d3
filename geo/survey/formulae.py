"""Formulae of the standards, as pure functions of arrays; their constants stand in formulae.yaml.

Lengths are metres, pressures and strengths MPa. A missing input (nan, or a class nobody knows)
gives nan: the result is missing then, and a rule that compares it says so.
"""

from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import yaml
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@cache
def constants() -> dict[str, Any]:
    """Return every table of constants with its source."""
    text = resources.files("geo.survey").joinpath("formulae.yaml").read_text("utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def _table(rows: dict[str, dict[str, float]], classes: Sequence[Any], name: str) -> Floats:
    return np.array([rows.get(c, {}).get(name, np.nan) for c in classes], dtype=float)


def _numbers(values: ArrayLike) -> Floats:
    return np.atleast_1d(np.asarray(values, dtype=float))


def rock_class(strength_mpa: ArrayLike) -> list[str | None]:
    """Return the class of overlying rock by its uniaxial strength; None where that is missing.

    Parameters
    ----------
    strength_mpa : (n,) array_like
        Uniaxial compressive strength, MPa.

    Notes
    -----
    三下规范 (2017): 坚硬 40-80, 中硬 20-40, 软弱 10-20, 极软弱 below 10; a bound goes up.
    """
    limits = constants()["rock_class"]["from"]
    found: list[str | None] = []
    for value in _numbers(strength_mpa):
        known = [name for name, least in limits.items() if value >= least]
        found.append(known[0] if known else None)
    return found


def fracture_zone(
    height_m: ArrayLike,
    rock: Sequence[str | None],
    dip_deg: ArrayLike = np.nan,
    method: Sequence[str | None] | None = None,
    stage_m: ArrayLike = np.nan,
) -> Floats:
    """Return the height of the water-conducting fracture zone above a seam, m, on the safe side.

    The larger of the two formulae, the first with the plus of its ±. Sliced mining goes by its own
    table up to 15 m of all slices, top-coal caving by its own at any height. Where no method is
    stated, or another: up to a lift of 3 m by the table of sliced mining, above that by the table
    of top-coal caving (L14: the first does not hold there). Seams steeper than 45° go by a table
    of their own, which needs the height of the stage: without it they give nan.

    Parameters
    ----------
    height_m : (n,) array_like
        Mining height ΣM.
    rock : (n,) sequence of str
        hard, medium, soft, very_soft, or None.
    dip_deg : (n,) array_like, optional
        Dip; missing counts as flat.
    method : (n,) sequence of str, optional
        sliced, top_coal_caving, full_height, other, or None.
    stage_m : (n,) array_like, optional
        Height of the stage h of a steep seam.

    Notes
    -----
    三下规范 (2017): H = 100 ΣM / (a ΣM + b) ± c and H = f √ΣM + g; for top-coal caving
    H = 100 M / (a M + b) ± c and H = f M + g; for steep seams H = 100 M h / (a h + b) ± c.
    """
    table = constants()["fracture_zone"]
    high = _numbers(height_m)
    result = np.full(len(high), np.nan)
    how = np.array([None] * len(high) if method is None else list(method), dtype=object)
    most = np.where(how == "sliced", table["sliced_up_to_m"], table["valid_up_to_m"])
    thin = (high <= most) & (how != "top_coal_caving")
    for rows, chosen, root in (
        (table["sliced"], thin, True),
        (table["top_coal_caving"], ~thin & ~np.isnan(high), False),
    ):
        a, b, c, f, g = (_table(rows, rock, name) for name in "abcfg")
        with np.errstate(invalid="ignore"):
            first = 100 * high / (a * high + b) + c
            second = f * (np.sqrt(high) if root else high) + g
        result[chosen] = np.fmax(first, second)[chosen]
    steep = np.broadcast_to(is_steep(dip_deg), high.shape)
    stage = np.broadcast_to(_numbers(stage_m), high.shape)
    a, b, c = (_table(table["steep"], rock, name) for name in "abc")
    return np.where(steep, 100 * high * stage / (a * stage + b) + c, result)


def is_steep(dip_deg: ArrayLike) -> NDArray[np.bool_]:
    """Return which seams are so steep that the height of the stage decides; missing is flat."""
    return np.asarray(_numbers(dip_deg) > constants()["fracture_zone"]["steep_from_deg"])


def caving_zone(height_m: ArrayLike, rock: Sequence[str | None]) -> Floats:
    """Return the height of the caving zone above a seam, m, with the plus of ±.

    Notes
    -----
    三下规范 (2017): H = 100 ΣM / (a ΣM + b) ± c.
    """
    high = _numbers(height_m)
    a, b, c = (_table(constants()["caving_zone"]["classes"], rock, name) for name in "abc")
    return np.asarray(100 * high / (a * high + b) + c)


def fault_pillar(height_m: ArrayLike, pressure_mpa: ArrayLike, tensile_mpa: ArrayLike) -> Floats:
    """Return the width of the waterproof pillar along a conductive fault, m, at least 20 m.

    Parameters
    ----------
    height_m : (n,) array_like
        Thickness of the seam or mining height M.
    pressure_mpa : (n,) array_like
        Water pressure p.
    tensile_mpa : (n,) array_like
        Tensile strength of the coal Kp.

    Notes
    -----
    煤矿防治水细则 附录六: L = 0.5 K M √(3p / Kp) ≥ 20 m, K of 2 to 5.
    """
    table = constants()["fault_pillar"]
    tensile = _numbers(tensile_mpa)
    tensile = np.where(tensile > 0, tensile, np.nan)
    width = (
        0.5 * table["factor"] * _numbers(height_m) * np.sqrt(3 * _numbers(pressure_mpa) / tensile)
    )
    return np.where(np.isnan(width), np.nan, np.maximum(width, table["least_m"]))


def aquifer_fault_pillar(pressure_mpa: ArrayLike, dip_deg: ArrayLike) -> Floats:
    """Return the pillar along a conductive fault in a seam above an aquifer, m, at least 20 m.

    Notes
    -----
    煤矿防治水细则 附录六: L = Ha / sin α ≥ 20 m, Ha = p / Ts + 10.
    """
    table = constants()["aquifer_fault_pillar"]
    barrier = _numbers(pressure_mpa) / table["critical_mpa_m"] + table["beyond_m"]
    slope = np.sin(np.radians(_numbers(dip_deg)))
    width = barrier / np.where(slope > 0, slope, np.nan)
    return np.where(np.isnan(width), np.nan, np.maximum(width, table["least_m"]))


def inrush_coefficient(pressure_mpa: ArrayLike, barrier_m: ArrayLike) -> Floats:
    """Return the inrush coefficient T = P / M, MPa/m.

    Parameters
    ----------
    pressure_mpa : (n,) array_like
        Water pressure on the barrier P.
    barrier_m : (n,) array_like
        Thickness of the barrier M.

    Notes
    -----
    煤矿防治水细则: T = P / M; a barrier of nought gives infinity.
    """
    pressure, barrier = _numbers(pressure_mpa), _numbers(barrier_m)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(barrier < 0, np.nan, pressure / barrier))


def strength_stress_ratio(strength_mpa: ArrayLike, stress_mpa: ArrayLike) -> Floats:
    """Return rock strength over greatest stress R / s, by which rockburst is classed (GB 50487)."""
    stress = _numbers(stress_mpa)
    return np.asarray(_numbers(strength_mpa) / np.where(stress > 0, stress, np.nan))


def search_line(verification: Sequence[str]) -> Floats:
    """Return how far the search line lies from the water of an old goaf, m, by its record.

    Notes
    -----
    30 m where its edge is known, 60 m where the record is imprecise, 150 m where there is none.
    """
    beyond = constants()["search_line"]["beyond_m"]
    widest = max(beyond.values())
    return np.array([beyond.get(seen, widest) for seen in verification], dtype=float)


def warning_line(verification: Sequence[str]) -> Floats:
    """Return how far the warning line lies from the water of an old goaf, m."""
    return search_line(verification) + float(constants()["warning_line"]["beyond_m"])


def north_west(district: str | None) -> bool | None:
    """Tell whether a county's mines go by the north-west column of table 2-1; None if unknown."""
    if not district:
        return None
    return district[:2] in constants()["north_west"]["provinces"]


def gap(
    floor_m: ArrayLike, top_m: ArrayLike, other_floor_m: ArrayLike, other_top_m: ArrayLike
) -> Floats:
    """Return by how much the second body lies above the first, m.

    Positive: its floor is above the first's top; negative: its top is below the first's floor; 0:
    their elevations overlap; nan: an elevation that would decide is missing.
    """
    floor, top = _numbers(floor_m), _numbers(top_m)
    low, high = _numbers(other_floor_m), _numbers(other_top_m)
    above, below = low - top, high - floor
    level = (~np.isnan(above) & ~np.isnan(below)) | ((above <= 0) & (low >= floor))
    found = np.where(above > 0, above, np.where(below < 0, below, np.where(level, 0.0, np.nan)))
    return np.asarray(found)

"""Grade (等别) of a tailings pond from its full volume and dam height."""

from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import yaml
from numpy.typing import ArrayLike, NDArray


@cache
def grade_rule() -> dict[str, Any]:
    """Return the table of bands with its standard, clause and whether it was verified."""
    text = resources.files(__package__).joinpath("grade.yaml").read_text("utf-8")
    return dict(yaml.safe_load(text))


def _by_bands(values: NDArray[np.float64], bands: dict[int, float]) -> NDArray[np.float64]:
    grades = sorted(bands, key=lambda grade: bands[grade])
    limits = np.array([bands[grade] for grade in grades])
    place = np.searchsorted(limits, values, side="right") - 1
    found = np.array(grades, dtype=float)[np.clip(place, 0, None)]
    return np.where(np.isnan(values) | (place < 0), np.nan, found)


def pond_grade(volume_m3: ArrayLike, height_m: ArrayLike) -> NDArray[np.float64]:
    """Return the grade of each pond, 1 (highest) to 5; NaN where it cannot be told.

    One class apart, the higher counts; more than one apart, the higher lowered by one
    (GB 50863-2013, 3.3.1). A dammed pond needs both figures; a pit or hollow without a dam has no
    grade, which is NaN too.

    Parameters
    ----------
    volume_m3 : array_like of float, shape (n,)
        Full volume (全库容) of the stage in question, m³.
    height_m : array_like of float, shape (n,)
        Dam height (坝高) of the same stage, m.

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    rule = grade_rule()
    by_volume = _by_bands(np.asarray(volume_m3, dtype=float) / 1e4, rule["volume_10k_m3"])
    by_height = _by_bands(np.asarray(height_m, dtype=float), rule["height_m"])
    higher = np.minimum(by_volume, by_height)
    return np.where(np.abs(by_volume - by_height) > 1, higher + 1, higher)

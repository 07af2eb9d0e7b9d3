"""Pond grade: limits of the table, and the two figures together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.tailings.grade import grade_rule, pond_grade

LIMITS = [
    (kind, grade, limit)
    for kind in ("volume_10k_m3", "height_m")
    for grade, limit in grade_rule()[kind].items()
    if limit > 0
]


@pytest.mark.parametrize(("kind", "grade", "limit"), LIMITS)
def test_each_limit_belongs_to_the_higher_grade(kind, grade, limit):
    scale = 1e4 if kind == "volume_10k_m3" else 1.0
    around = np.nextafter(limit, [0, limit, np.inf]) * scale
    bands = grade_rule()["height_m" if scale > 1 else "volume_10k_m3"]
    # The other figure sits in the same grade, then in the next, so that this one decides alone.
    other = bands[grade] * (1 if scale > 1 else 1e4)
    pair = (around, np.full(3, other)) if scale > 1 else (np.full(3, other), around)
    assert pond_grade(*pair).tolist() == [grade, grade, grade]
    lower = bands[min(grade + 1, 5)] * (1 if scale > 1 else 1e4)
    pair = (around, np.full(3, lower)) if scale > 1 else (np.full(3, lower), around)
    assert pond_grade(*pair).tolist() == [grade + 1, grade, grade]


def test_more_than_one_class_apart_the_higher_is_lowered_by_one():
    # 20 Mm³ is grade 3, 20 m grade 5: two apart, so 4. 0.5 Mm³ is 5, 250 m is 1: so 2.
    assert pond_grade([20e6, 0.5e6], [20, 250]).tolist() == [4, 2]


def test_a_missing_figure_gives_no_grade():
    assert np.isnan(pond_grade([np.nan, 1e6], [40, np.nan])).all()


@given(st.floats(0, 1e9), st.floats(0, 300), st.floats(1, 3))
def test_a_larger_pond_is_never_of_a_lower_grade_at_equal_height(volume, height, factor):
    small, large = pond_grade([volume, volume * factor], [height, height])
    assert large <= small  # the smaller numeral is the higher grade

"""The newest model answers, but never where it does not show the ground around."""

import shapely
from shapely import affinity

from geo.tailings.precedence import answering, shares

WEST, EAST = shapely.box(112.0, 38.0, 112.5, 38.5), shapely.box(112.4, 38.0, 112.9, 38.5)
MARGIN = 1_500.0


def at(found, x, y):
    return answering(found, shapely.Point(x, y))


def test_one_model_answers_for_all_of_it_and_for_what_lies_beside():
    found = shares([WEST], MARGIN)
    assert shapely.equals(found[0], WEST)
    assert at(found, 120, 30) == 0


def test_a_model_of_elsewhere_displaces_none():
    found = shares([EAST, shapely.box(100, 30, 101, 31), WEST], MARGIN)
    assert [at(found, 112.7, 38.2), at(found, 100.5, 30.5), at(found, 112.1, 38.2)] == [0, 1, 2]
    # Where both reach, the newer; but at its very edge the older sees further.
    assert (at(found, 112.45, 38.2), at(found, 112.405, 38.2)) == (0, 2)
    # At the edge of both it is the newer again: one as good as the other.
    assert at(found, 112.45, 38.001) == 0


def test_shares_are_all_the_ground_and_none_of_it_twice():
    boxes = [EAST, WEST, shapely.box(112.2, 38.2, 112.6, 38.9)]
    found = shares(boxes, MARGIN)
    whole = shapely.union_all(boxes)
    assert shapely.area(shapely.symmetric_difference(shapely.union_all(found), whole)) < 1e-12
    assert abs(shapely.area(found).sum() - shapely.area(whole)) < 1e-12


def test_ground_surveyed_anew_leaves_nothing_to_the_older_but_what_it_does_not_reach():
    again = affinity.translate(WEST, 0.0005, 0.0005)
    assert shapely.is_empty(shares([again, WEST], MARGIN)).tolist() == [False, True]
    half = shapely.box(112.0, 38.0, 112.2, 38.5)
    found = shares([half, WEST], MARGIN)
    assert (at(found, 112.1, 38.2), at(found, 112.4, 38.2)) == (0, 1)

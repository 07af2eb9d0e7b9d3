"""The long profile is well-formed SVG, true to its figures, and lets no stranger's text in."""

from xml.etree import ElementTree

from web.profile import draw_profile

WORDS = {"title": "T", "along": "m", "height": "z", "limit": "1 km", "beside": "{metres} m"}


def drawn(points, objects=(), names=None):
    svg = draw_profile(
        {"dam": "D<1>", "points": points, "objects": list(objects)}, names or {}, WORDS
    )
    return ElementTree.fromstring(svg)


def test_names_are_escaped_and_marks_stand_at_their_distance():
    house = {"key": "k", "path_m": 500.0, "lateral_m": 40.0, "z": 950.0}
    root = drawn([[0.0, 1000.0], [990.0, 900.0]], [house], {"k": "<script>"})
    assert "<script>" in "".join(root.itertext())
    assert root.find(".//script") is None
    (rect,) = root.iter("rect")
    assert float(rect.get("x")) + 5 == 56 + 500 / 1000 * (720 - 56 - 16)


def test_flat_ground_and_an_object_without_height_do_not_break_it():
    house = {"key": "k", "path_m": 10.0, "lateral_m": 0.0, "z": None}
    root = drawn([[0.0, 900.0], [30.0, 900.0]], [house])
    assert root.find("rect") is None
    assert root.find("polyline") is not None

"""Seven parameters: worked examples, the sign convention, and what the rows then carry."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely
from pyproj import CRS, Geod, Transformer

from geo.problems import Problem
from geo.survey.reading import ReadOptions, datums, read_file
from geo.survey.reading.crs import decide
from geo.survey.reading.datums import SevenParameters
from tests.geo.survey.test_read_files import frame, square

ZERO = {"dx": 0, "dy": 0, "dz": 0, "rx": 0, "ry": 0, "rz": 0, "scale": 0}
LOCAL = {
    "convention": "coordinate_frame",
    "dx": -12.7, "dy": 103.4, "dz": 38.9,
    "rx": 1.21, "ry": -0.83, "rz": 2.46, "scale": -4.3,
    "accuracy_m": 0.2, "source": "示例测绘〔2010〕1号",
}  # fmt: skip
IAG75, CGCS = (6378140.0, 298.257), (6378137.0, 298.257222101)


def local(**changed: Any) -> SevenParameters:
    return SevenParameters(**{**LOCAL, **changed})


def by_hand(lon: float, lat: float, one: SevenParameters) -> tuple[float, float]:
    """The textbook's way, written out: geocentric, rotate, scale, and back by iteration."""
    (a, rf), (a2, rf2) = IAG75, CGCS
    e2 = (2 - 1 / rf) / rf
    phi, lam = math.radians(lat), math.radians(lon)
    n = a / math.sqrt(1 - e2 * math.sin(phi) ** 2)
    old = np.array(
        [
            n * math.cos(phi) * math.cos(lam),
            n * math.cos(phi) * math.sin(lam),
            n * (1 - e2) * math.sin(phi),
        ]
    )
    sign = 1 if one.convention == "position_vector" else -1
    rx, ry, rz = (sign * math.radians(r / 3600) for r in (one.rx, one.ry, one.rz))
    turned = np.array([[1, -rz, ry], [rz, 1, -rx], [-ry, rx, 1]]) @ old
    x, y, z = np.array([one.dx, one.dy, one.dz]) + (1 + one.scale * 1e-6) * turned
    e2 = (2 - 1 / rf2) / rf2
    p, found = math.hypot(x, y), math.atan2(z, math.hypot(x, y))
    for _ in range(50):
        n = a2 / math.sqrt(1 - e2 * math.sin(found) ** 2)
        found = math.atan2(z + e2 * n * math.sin(found), p)
    return math.degrees(math.atan2(y, x)), math.degrees(found)


def test_the_example_of_guidance_note_7_2() -> None:
    """IOGP 373-7-2, position vector: WGS 72 at 55° N 4° E, height 0, to WGS 84."""
    one = local(**{**ZERO, "dz": 4.5, "rz": 0.554, "scale": 0.219}, convention="position_vector")
    wgs72, wgs84 = (6378135.0, 298.26), (6378137.0, 298.257223563)
    lon, lat = datums.shift(np.array([[4.0, 55.0]]), one, wgs72, wgs84)[0]
    assert (lat - 55) * 3600 == pytest.approx(0.090, abs=0.0006)
    assert (lon - 4) * 3600 == pytest.approx(0.554, abs=0.0006)
    # The other convention gives the same place with the rotation's sign turned.
    other = one.model_copy(update={"convention": "coordinate_frame", "rz": -0.554})
    again = datums.shift(np.array([[4.0, 55.0]]), other, wgs72, wgs84)[0]
    assert np.allclose(again, (lon, lat), atol=1e-12)


@pytest.mark.parametrize("convention", ["position_vector", "coordinate_frame"])
@pytest.mark.parametrize(("lon", "lat"), [(112.3, 38.6), (113.0, 39.1)])
def test_a_county_worked_by_hand(convention: str, lon: float, lat: float) -> None:
    one = local(convention=convention)
    expected = by_hand(lon, lat, one)
    for epsg in (4610, 2383, 2362):
        x, y = Transformer.from_crs(4610, epsg, always_xy=True).transform(lon, lat)
        made = datums.to_cgcs2000(np.array([[x, y]]), epsg, one)[0]
        # PROJ rotates exactly, the textbook by small angles: they agree within a millimetre.
        assert Geod(ellps="GRS80").inv(*expected, *made)[2] < 0.001
    # And it is far from what stands without parameters.
    assert Geod(ellps="GRS80").inv(lon, lat, *expected)[2] > 20


def test_where_given_they_are_used_and_their_accuracy_is_the_error(tmp_path: Path) -> None:
    path = tmp_path / "采空区.gpkg"
    made = frame([{"code": "A"}], [square()]).set_crs(4610, allow_override=True).to_crs(2383)
    pyogrio.write_dataframe(made, path, layer="采空区")
    plain = read_file(path, workdir=tmp_path)
    assert plain.layers[0].frame["error_m"].tolist() == [100.0]
    assert "reader.layer.approximate" in set(plain.notes["code"])
    found = read_file(path, ReadOptions(datums={"xian80": local()}), workdir=tmp_path)
    (one,) = found.layers
    assert one.frame["error_m"].tolist() == [0.2]
    note = found.notes[found.notes["code"] == "reader.layer.shifted"].iloc[0]
    assert note["params"]["source"] == LOCAL["source"]
    assert "reader.layer.approximate" not in set(found.notes["code"])
    expected = shapely.transform(
        square(), lambda xy: np.array([by_hand(x, y, local()) for x, y in xy])
    )
    assert shapely.hausdorff_distance(one.frame.geometry.iloc[0], expected) < 1e-8
    assert one.summary()["crs"]["shift"]["dx"] == LOCAL["dx"]


def test_another_datum_and_another_place_stay_approximate(tmp_path: Path) -> None:
    here = np.array([[112.6, 38.8]])
    both = {"xian80": local(area=(112.28, 38.58, 113.08, 39.14))}
    assert decide(None, here, chosen=4610, local=both).error_m == 0.2
    assert decide(None, here, chosen=4214, local=both).error_m == 100
    assert decide(None, here, chosen=4490, local=both).error_m == 0
    away = decide(None, here + 2, chosen=4610, local=both)
    assert (away.error_m, away.elsewhere, away.shift) == (100, True, None)
    path = tmp_path / "goaf.gpkg"
    made = frame([{"code": "A"}], [square(2, -2)]).set_crs(4610, allow_override=True)
    pyogrio.write_dataframe(made, path, layer="goaf")
    found = read_file(path, ReadOptions(datums=both), workdir=tmp_path)
    assert "reader.layer.elsewhere" in set(found.notes["code"])


def known(one: SevenParameters) -> list[dict[str, Any]]:
    made = []
    for lon, lat in ((112.4, 38.7), (112.9, 39.0), (112.7, 38.6)):
        old = Transformer.from_crs(4610, 2362, always_xy=True).transform(lon, lat)
        new = Transformer.from_crs(4490, 4526, always_xy=True).transform(*by_hand(lon, lat, one))
        made.append({"old": [2362, *old], "new": [4526, *new]})
    return made


def test_known_points_find_a_wrong_sign() -> None:
    import yaml

    right = {**LOCAL, "points": known(local())}
    one = datums.parsed(yaml.safe_dump(right), "a.yaml")
    assert max(datums.residuals(one)) < 0.001
    wrong = {**right, "convention": "position_vector"}
    with pytest.raises(Problem) as caught:
        datums.parsed(yaml.safe_dump(wrong), "a.yaml")
    assert caught.value.code == "reader.datum.points"
    for lang in ("zh", "en"):
        assert "a.yaml" in caught.value.say(lang)


@pytest.mark.parametrize(
    "text",
    [
        "convention: bursa",
        "[1, 2]",
        "a: [",
        "!!python/object/apply:os.system [id]",
        "{convention: position_vector, dx: .nan, dy: 0, dz: 0, rx: 0, ry: 0, rz: 0, scale: 0, accuracy_m: 1, source: x}",
        "{convention: position_vector, dx: 0, dy: 0, dz: 0, rx: 9999, ry: 0, rz: 0, scale: 0, accuracy_m: 1, source: x}",
        "{convention: position_vector, dx: 0, dy: 0, dz: 0, rx: 0, ry: 0, rz: 0, scale: 0, accuracy_m: 1, source: x, points: [{old: [1, 2, 3], new: [4490, 112, 38]}]}",
    ],
)
def test_a_file_that_is_at_fault(text: str) -> None:
    with pytest.raises(Problem) as caught:
        datums.parsed(text, "a.yaml")
    assert caught.value.code == "reader.datum.file"
    assert "\n" not in caught.value.say("zh")


def test_the_table_is_kept_and_found_again(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "datums.yaml"
    assert datums.load(path) == {}
    table = {"140981": {"xian80": local(points=known(local()))}}
    datums.save(path, table)
    assert datums.load(path) == table
    path.write_text("140981: 5", "utf-8")
    with pytest.raises(Problem):
        datums.load(path)


def test_every_datum_of_the_table_is_what_epsg_calls_it() -> None:
    from geo.survey.reading.crs import datum_of, frames

    for name, one in frames()["datums"].items():
        for kind in ("geographic", "gk6", "cm6", "gk3", "cm3"):
            assert datum_of(one[kind]) == name
    assert datum_of(4555) is None
    assert CRS.from_epsg(2383).ellipsoid.semi_major_metre == IAG75[0]

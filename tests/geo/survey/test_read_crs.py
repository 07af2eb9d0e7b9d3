"""Which coordinate system: said, proposed or asked, never guessed in silence."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import CRS, Transformer

from geo.crs import local_zone
from geo.survey.reading.crs import as_wkt, decide, error_of, from_points, from_wkt
from geo.survey.reading.frames import SPANS, frames, in_words, name_of, words_of

PLACE = (112.6, 38.8)


def at(epsg: int, lon: float = PLACE[0], lat: float = PLACE[1]) -> np.ndarray:
    x, y = Transformer.from_crs(4490, epsg, always_xy=True).transform(lon, lat)
    step = 0.001 if epsg in (4490, 4326) else 100
    return np.array([[x, y], [x + step, y + step], [x + step / 2, y]])


@pytest.mark.parametrize("epsg", [4490, 4546, 4547, 4525, 4526, 4497, 2383, 2362, 4610, 4326])
def test_a_sound_prj_names_its_system(epsg: int) -> None:
    assert from_wkt(CRS.from_epsg(epsg).to_wkt("WKT1_ESRI"))[0] == epsg


def test_below_full_confidence_is_a_question() -> None:
    # At 20 % PROJ takes this for Cyprus.
    wkt = (
        'PROJCS["Local",GEOGCS["Local",DATUM["Local",SPHEROID["IAG",6378140,298.257]],'
        'PRIMEM["Greenwich",0],UNIT["Degree",0.0174532925199433]],'
        'PROJECTION["Transverse_Mercator"],PARAMETER["False_Easting",500000],'
        'PARAMETER["False_Northing",0],PARAMETER["Central_Meridian",112.5],'
        'PARAMETER["Scale_Factor",1],PARAMETER["Latitude_Of_Origin",0],UNIT["Meter",1]]'
    )
    found = decide(wkt, at(4526))
    assert found.epsg is None
    assert found.reason["code"] == "reader.crs.not_sure"
    assert 4526 in [one["epsg"] for one in found.candidates]


@pytest.mark.parametrize("text", ["EPSG:4546", "http://x/y", "+proj=longlat", "rubbish", "4546"])
def test_a_prj_is_wkt_only(text: str) -> None:
    with pytest.raises(ValueError, match="no WKT"):
        decide(text, at(4526))


def test_degrees() -> None:
    found = decide(None, at(4490))
    assert (found.epsg, found.assumed_datum) == (4490, True)
    assert {one["epsg"] for one in found.candidates} == {4610, 4214}


@given(st.floats(75, 134), st.floats(18, 53))
def test_prefixed_eastings_of_both_zone_widths(lon: float, lat: float) -> None:
    three = 4513 + (local_zone(lon) - 4534)
    found = from_points(at(three, lon, lat))
    assert (found.epsg, found.assumed_datum) == (three, True)
    six = 4491 + int(lon // 6) + 1 - 13
    assert from_points(at(six, lon, lat)).epsg == six


@given(st.floats(76, 134), st.floats(18, 53))
def test_unprefixed_eastings_need_a_place(lon: float, lat: float) -> None:
    epsg = local_zone(lon)
    assert from_points(at(epsg, lon, lat), (lon + 0.1, lat - 0.1)).epsg == epsg
    asked = from_points(at(epsg, lon, lat))
    assert asked.epsg is None
    assert asked.reason["code"] == "reader.crs.which_meridian"
    assert epsg in [one["epsg"] for one in asked.candidates]


def test_over_the_edge_of_a_zone_the_place_decides() -> None:
    # Yuanping is cut by 112.5° E: its files come in both zones, on both sides of the edge.
    for epsg in (4546, 4547):
        for lon in (112.3, 112.9):
            assert from_points(at(epsg, lon), PLACE).epsg == epsg


def test_other_datums_are_the_candidates() -> None:
    found = from_points(at(4526))
    assert [one["epsg"] for one in found.candidates] == [2362, 2414]


@pytest.mark.parametrize("epsg", [4490, 4526, 4497])
def test_swapped_axes_are_proposed(epsg: int) -> None:
    found = from_points(at(epsg)[:, ::-1])
    assert (found.epsg, found.swapped) == (epsg, True)


def test_swapped_under_a_prj() -> None:
    found = decide(CRS.from_epsg(4490).to_wkt(), at(4490)[:, ::-1])
    assert (found.epsg, found.swapped) == (4490, True)
    assert found.reason["code"] == "reader.crs.declared_swapped"


def test_a_prj_that_puts_it_abroad_is_not_believed() -> None:
    found = decide(CRS.from_epsg(4547).to_wkt("WKT1_ESRI"), at(4526))
    assert found.epsg == 4526
    assert found.reason["code"] == "reader.crs.contradicted"
    assert found.assumed_datum


def test_nothing_fits() -> None:
    found = from_points(np.array([[1.0, 2.0]]))
    assert (found.epsg, found.reason["code"]) == (None, "reader.crs.nothing_fits")
    nothing = from_points(np.array([[np.nan, 1.0]]))
    assert nothing.reason["code"] == "reader.crs.no_coordinates"


def test_one_row_that_strayed_decides_nothing() -> None:
    xy = np.vstack([at(4526), at(4526), [[0.0, 0.0]]])
    assert from_points(xy).epsg == 4526


@pytest.mark.parametrize(
    ("epsg", "metres"),
    [
        (4490, 0),
        (4546, 0),
        (4326, 0),
        (32649, 0),
        (2383, 100),
        (4610, 100),
        (2414, 100),
        (4555, 100),
    ],
)
def test_old_datums_are_approximate(epsg: int, metres: float) -> None:
    assert error_of(epsg) == metres
    assert decide(None, at(4546), chosen=epsg).error_m == metres


def test_chosen_goes_before_all() -> None:
    found = decide(CRS.from_epsg(4547).to_wkt(), at(4526), chosen=4526)
    assert (found.epsg, found.assumed_datum) == (4526, False)
    with pytest.raises(ValueError, match="no EPSG"):
        decide(None, at(4526), chosen=999999)


def test_what_gdal_says_of_other_formats() -> None:
    assert from_wkt(as_wkt("EPSG:4546") or "")[0] == 4546
    assert from_wkt(as_wkt("OGC:CRS84") or "")[0] == 4326
    assert as_wkt(None) is None
    assert as_wkt('ENGCRS["Undefined Cartesian SRS"]') is None


# --- labels without a code, and labels of another zone -------------------------------------------

BODIES = {
    "xian80": ("6378140.0,298.257", "Xian_1980"),
    "beijing54": ("6378245.0,298.3", "Beijing_1954"),
    "cgcs2000": ("6378137.0,298.257222101", "CGCS2000"),
}


def label(
    body: str, meridian: float, east: float, *, named: str = "Local", unit: str = "1", **more: float
) -> str:
    """A .prj as MapGIS and old ArcGIS write them: names of their own and no code."""
    figures = {"Scale_Factor": 1.0, "Latitude_Of_Origin": 0.0, "False_Northing": 0.0, **more}
    rest = "".join(f',PARAMETER["{name}",{value}]' for name, value in figures.items())
    return (
        f'PROJCS["投影平面直角",GEOGCS["{named}",DATUM["{named}",SPHEROID["S",{BODIES[body][0]}]],'
        'PRIMEM["Greenwich",0],UNIT["Degree",0.0174532925199433]],PROJECTION["Gauss_Kruger"],'
        f'PARAMETER["False_Easting",{east}],PARAMETER["Central_Meridian",{meridian}]{rest},'
        f'UNIT["Meter",{unit}]]'
    )


@pytest.mark.parametrize(
    ("body", "meridian", "east", "epsg"),
    [
        ("cgcs2000", 114, 38500000, 4526),
        ("cgcs2000", 114, 500000, 4547),
        ("xian80", 114, 38500000, 2362),
        ("xian80", 111, 19500000, 2333),
        ("xian80", 111, 500000, 2382),
        ("beijing54", 114, 38500000, 2414),
        ("beijing54", 111, 19500000, 21419),
    ],
)
def test_a_label_without_a_code_is_read_by_its_figures(
    body: str, meridian: float, east: float, epsg: int
) -> None:
    named = decide(label(body, meridian, east, named=BODIES[body][1]), at(epsg), hint=PLACE)
    assert (named.epsg, named.assumed_datum) == (epsg, False)
    assert named.reason["code"] == "reader.crs.by_figures"
    # No name at all: the ellipsoid tells the datum, and it is said to be assumed.
    nameless = decide(label(body, meridian, east), at(epsg), hint=PLACE)
    assert (nameless.epsg, nameless.assumed_datum) == (epsg, True)
    assert nameless.error_m == (0 if body == "cgcs2000" else 100)


@pytest.mark.parametrize(
    "wkt",
    [
        label("xian80", 112.5, 500000),
        label("xian80", 114, 37500000),
        label("xian80", 114, 38500000, Scale_Factor=0.9996),
        label("xian80", 114, 38500000, Latitude_Of_Origin=30),
        label("xian80", 114, 38500000, False_Northing=-3000000),
        label("xian80", 114, 38500000, unit="1000"),
        label("xian80", 114, 38500000, named="CGCS2000"),
        label("cgcs2000", 114, 38500000, named="西安80"),
    ],
)
def test_a_label_that_differs_in_one_figure_is_asked(wkt: str) -> None:
    found = decide(wkt, at(4526), hint=PLACE)
    assert (found.epsg, found.reason["code"]) == (None, "reader.crs.not_sure")


def test_degrees_without_a_code() -> None:
    wkt = 'GEOGCS["北京54",DATUM["北京54",SPHEROID["克拉索夫斯基",6378245,298.3]],PRIMEM["Greenwich",0],UNIT["Degree",0.0174532925199433]]'
    assert decide(wkt, at(4490)).epsg == 4214


@pytest.mark.parametrize("declared_", [4546, 4548])
def test_a_label_of_the_neighbouring_zone_is_found(declared_: int) -> None:
    wkt = CRS.from_epsg(declared_).to_wkt("WKT1_ESRI")
    found = decide(wkt, at(4547), hint=PLACE)
    assert (found.epsg, found.offset_x, found.assumed_datum) == (4547, 0.0, False)
    assert found.reason["code"] == "reader.crs.other_zone"
    assert 250 <= found.reason["params"]["km"] <= 270
    # What the file said is one press away, and what a person chose is obeyed.
    assert found.candidates[0]["epsg"] == declared_
    assert decide(wkt, at(4547), chosen=declared_, hint=PLACE).epsg == declared_
    # Without a place to go by, nothing can be said.
    assert decide(wkt, at(4547)).epsg == declared_


def test_a_label_and_a_prefix_of_different_zones() -> None:
    wkt = CRS.from_epsg(2361).to_wkt("WKT1_ESRI")
    found = decide(wkt, at(2362), hint=PLACE)
    # The datum is the label's, the zone the eastings' own.
    assert (found.epsg, found.offset_x) == (2362, 0.0)
    assert found.error_m == 100


@pytest.mark.parametrize("wkt", [None, CRS.from_epsg(4525).to_wkt("WKT1_ESRI")])
def test_eastings_that_bear_the_wrong_zone_throughout(wkt: str | None) -> None:
    xy = at(4526) - (1e6, 0.0)
    found = decide(wkt, xy, hint=PLACE)
    assert (found.epsg, found.offset_x) == (4526, 1e6)
    assert found.reason["code"] == "reader.crs.other_zone"


def test_a_neighbouring_county_is_no_slip() -> None:
    for lon in (110.9, 113.9):
        wkt = CRS.from_epsg(local_zone(lon)).to_wkt("WKT1_ESRI")
        assert decide(wkt, at(local_zone(lon), lon), hint=PLACE).epsg == local_zone(lon)


@pytest.mark.parametrize("epsg", [4547, 2383, 4526])
def test_swapped_metres_under_a_prj(epsg: int) -> None:
    wkt = CRS.from_epsg(epsg).to_wkt("WKT1_ESRI")
    found = decide(wkt, at(epsg)[:, ::-1], hint=PLACE)
    assert (found.epsg, found.swapped, found.offset_x) == (epsg, True, 0.0)


def test_every_system_has_its_name_in_words_of_the_trade() -> None:
    assert words_of(4547, "zh") == "2000国家大地坐标系 三度带 中央经线114°"
    for name, one in frames()["datums"].items():
        for kind, span in SPANS.items():
            for number in range(span):
                epsg = one[kind] + number
                told = CRS.from_epsg(epsg)
                words = [words_of(epsg, lang) for lang in ("zh", "en")]
                assert not any("Gauss" in text or "None" in text for text in words), epsg
                assert told.datum is not None
                assert told.datum.name == frames()["datums"][name]["datum"]
                if kind == "geographic":
                    continue
                assert told.coordinate_operation is not None
                figures = {p.name: p.value for p in told.coordinate_operation.params}
                meridian = f"{figures['Longitude of natural origin']:g}"
                assert all(re.search(rf"(线|CM ){meridian}[°E]", text) for text in words), epsg


def test_names_of_systems_in_stored_sentences_are_told_in_words() -> None:
    stored = {"name": name_of(4547), "declared": "某坐标系", "km": 3}
    told = in_words(stored, "zh")
    assert told == {"name": words_of(4547, "zh"), "declared": "某坐标系", "km": 3}
    # What has no name of ours keeps EPSG's.
    assert words_of(32649, "zh") == "WGS 84 / UTM zone 49N"

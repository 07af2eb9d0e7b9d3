"""A place out of a file: every part of it, in any format and system, or a sentence."""

import json
import zipfile
from pathlib import Path

import geopandas as gpd
import pytest
import shapely

from geo.problems import Problem
from geo.survey.reading import ReadOptions
from geo.survey.reading.place import BODY, TOE, Place, read_place

STARTER = shapely.LineString([(112.59, 38.83), (112.592, 38.831)])
SADDLE = shapely.LineString([(112.595, 38.835), (112.596, 38.836)])
GROUND = shapely.box(112.588, 38.832, 112.594, 38.838)


def geojson(path: Path, *shapes: shapely.Geometry) -> Path:
    features = [
        {"type": "Feature", "properties": {}, "geometry": shapely.geometry.mapping(one)}
        for one in shapes
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), "utf-8")
    return path


def read(path: Path, part: str = TOE, **options: object) -> Place:
    return read_place(path, part, ReadOptions(**options), workdir=path.parent)  # type: ignore[arg-type]


def test_every_toe_of_a_file_counts_and_its_area_is_the_ground(tmp_path: Path) -> None:
    found = read(geojson(tmp_path / "坝.geojson", STARTER, GROUND, SADDLE))
    assert found.toe.equals(shapely.union_all([STARTER, SADDLE]))
    assert found.body.equals(GROUND)
    assert not found.outline


def test_every_part_of_a_many_parted_shape_counts(tmp_path: Path) -> None:
    both = shapely.MultiLineString([STARTER, SADDLE])
    assert read(geojson(tmp_path / "坝.geojson", both)).toe.equals(both)


def test_areas_alone_give_their_outline_and_say_so(tmp_path: Path) -> None:
    path = geojson(tmp_path / "库.geojson", GROUND)
    found = read(path)
    assert found.outline
    assert found.toe.equals(GROUND.boundary)
    assert read(path, BODY) == Place(None, found.body, outline=False)
    with pytest.raises(Problem) as refused:
        read(geojson(tmp_path / "线.geojson", STARTER), BODY)
    assert refused.value.code == "reader.place.no_area"


def test_a_zipped_shapefile_in_metres_lands_where_it_was_drawn(tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame({"a": [1, 2]}, geometry=[STARTER, SADDLE], crs=4490).to_crs(4526)
    folder = tmp_path / "shp"
    folder.mkdir()
    frame.to_file(folder / "坝脚线.shp", engine="pyogrio")
    with zipfile.ZipFile(tmp_path / "坝脚线.zip", "w") as packed:
        for part in folder.iterdir():
            packed.write(part, part.name)
    found = read(tmp_path / "坝脚线.zip")
    assert shapely.hausdorff_distance(found.toe, shapely.union_all([STARTER, SADDLE])) < 1e-7


def test_a_table_of_corners_is_a_line_or_an_area_as_asked(tmp_path: Path) -> None:
    rows = ["点号,经度,纬度", "1,112.59,38.83", "2,112.592,38.831", "3,112.593,38.834"]
    (tmp_path / "拐点.csv").write_text("\n".join(rows), "utf-8")
    line = read(tmp_path / "拐点.csv")
    assert line.body is None
    assert shapely.length(line.toe) > 0
    assert shapely.get_num_coordinates(line.toe) == 3
    assert shapely.area(read(tmp_path / "拐点.csv", BODY).body) > 0


@pytest.mark.parametrize(
    ("shapes", "code"),
    [
        # One of two rows lies elsewhere: the file is not taken in part.
        ((STARTER, shapely.LineString([(2.0, 48.0), (2.1, 48.0)])), "reader.place.row"),
        ((shapely.segmentize(STARTER, 1e-6),), "reader.place.vertices"),
    ],
)
def test_what_cannot_be_taken_whole_is_refused_in_one_sentence(
    tmp_path: Path, shapes: tuple[shapely.Geometry, ...], code: str
) -> None:
    with pytest.raises(Problem) as refused:
        read(geojson(tmp_path / "坝.geojson", *shapes))
    assert refused.value.code == code
    for lang in ("zh", "en"):
        assert "{" not in refused.value.say(lang)

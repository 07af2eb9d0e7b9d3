"""The ground's tiles: made once per model, shown whole or not at all."""

import json
from datetime import date

import pytest

from geo.report.relief import tiles
from geo.report.sheet_drawing import Sheet
from geo.store import relief_tiles
from geo.store.engine import connect
from geo.store.terrains import newest_dem, opened_taken, take_dem
from geo.tailings.model import Stated
from sample_data import make
from tests.conftest import TODAY

pytestmark = pytest.mark.database
MODEL = make.HERE / "14_示例县地形_30m.tif"


def test_the_ground_is_drawn_once_and_anew_when_it_is_drawn_otherwise(
    settings, people, monkeypatch
):
    assert relief_tiles.refresh(settings) is False
    assert relief_tiles.current(settings) is None
    stated = Stated("<i>示例</i>", date(2024, 3, 1), 4.0)
    with connect(settings, "worker", people["zhang"]) as conn:
        take_dem(conn, settings, people["zhang"], [MODEL], stated, TODAY)
        taken = newest_dem(conn, 10**6)
    # What a killed run left is neither shown nor kept.
    left = settings.local / "relief" / "aside0"
    left.mkdir(parents=True)
    assert relief_tiles.refresh(settings) is True
    assert not left.exists()
    told = relief_tiles.current(settings)
    assert told["source"] == "<i>示例</i>"
    with opened_taken(settings, taken) as model:
        wanted = tiles(model.part(slice(0, model.shape[0]), slice(0, model.shape[1])))
    zooms = {z for z, _, _ in wanted}
    assert (told["minzoom"], told["maxzoom"]) == (min(zooms), max(zooms))
    shown = [t for t in wanted if relief_tiles.tile(settings, told["key"], *t)]
    assert {z for z, _, _ in shown} == zooms
    assert relief_tiles.tile(settings, "..", 9, 416, 195) is None
    # The heights of its contours are of its ground, and nothing else is handed out by that door.
    finest = json.loads(relief_tiles.written(settings, told["key"], max(zooms)))
    west, south, east, north = told["bounds"]
    assert len(finest) > 20
    assert all(west <= lon <= east and south <= lat <= north for lon, lat, _, _ in finest)
    assert relief_tiles.written(settings, "..", 9) is None
    assert relief_tiles.written(settings, told["key"], 30) is None

    # Paper has the ground at its own scale, and none where no model reaches.
    here = Sheet((west + east) / 2, (south + north) / 2, 10000)
    under = relief_tiles.under(settings, here, "zh")
    assert under.step == 10
    assert "<i>示例</i> 2024-03-01" in under.words
    assert under.heights
    assert relief_tiles.under(settings, Sheet(118, 40, 10000), "zh") is None
    assert relief_tiles.refresh(settings) is False

    monkeypatch.setattr(relief_tiles, "EDITION", relief_tiles.EDITION + 1)
    assert relief_tiles.refresh(settings) is True
    again = relief_tiles.current(settings)
    assert again["key"] != told["key"]
    # Pages that are open go on with the tiles they name.
    assert relief_tiles.tile(settings, told["key"], *shown[0])

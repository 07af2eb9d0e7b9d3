"""The ground's tiles: made once per model, shown whole or not at all."""

import json
from dataclasses import replace
from datetime import date

import pytest
import rasterio

from geo.report.relief import tiles
from geo.report.sheet_drawing import Sheet
from geo.store import relief_tiles, terrain_decisions
from geo.store.engine import connect
from geo.store.terrains import newest_dem, opened_taken, take_dem
from geo.tailings.model import Stated
from sample_data import make
from tests.conftest import TODAY
from tests.geo.store.test_sent_models import sheet

pytestmark = pytest.mark.database
MODEL = make.HERE / "14_示例县地形_30m.tif"


def test_the_ground_is_drawn_once_and_anew_when_it_is_drawn_otherwise(
    settings, people, monkeypatch
):
    assert relief_tiles.refresh(settings) is False
    assert relief_tiles.current(settings) == []
    stated = Stated("<i>示例</i>", date(2024, 3, 1), 4.0)
    with connect(settings, "worker", people["zhang"]) as conn:
        take_dem(conn, settings, people["zhang"], [MODEL], stated, TODAY)
        taken = newest_dem(conn, 10**6)
    # What a killed run left is neither shown nor kept.
    left = settings.local / "relief" / "aside0"
    left.mkdir(parents=True)
    assert relief_tiles.refresh(settings) is True
    assert not left.exists()
    (told,) = relief_tiles.current(settings)
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
    (again,) = relief_tiles.current(settings)
    assert again["key"] != told["key"]
    # Pages that are open go on with the tiles they name.
    assert relief_tiles.tile(settings, told["key"], *shown[0])


def opaque(body):
    """Return which pixels of a tile show ground."""
    with rasterio.MemoryFile(body) as file, file.open() as source:
        return source.read(4) > 0


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_several_models_are_drawn_each_where_it_answers(settings, people, tmp_path):
    stated = Stated("旧", date(2024, 3, 1), 4.0)
    west = sheet(tmp_path, "西.tif", (0, 0.5))
    with connect(settings, "worker", people["zhang"]) as conn:
        old = take_dem(conn, settings, people["zhang"], [MODEL], stated, TODAY)
        new = take_dem(conn, settings, people["zhang"], [west], replace(stated, source="新"), TODAY)
    assert relief_tiles.refresh(settings) is True
    fresh, rest = relief_tiles.current(settings)
    assert (fresh["source"], rest["source"]) == ("新", "旧")
    # Neither hides the other: a line where they meet aside, each pixel is of one of them.
    names = {p.name for one in (fresh, rest) for p in (settings.local / "relief" / one["key"]).glob("*.png")}  # fmt: skip
    both = covered = 0
    for name in names:
        z, x, y = (int(part) for part in name.removesuffix(".png").split("-"))
        if z != min(fresh["maxzoom"], rest["maxzoom"]):
            continue
        found = [relief_tiles.tile(settings, one["key"], z, x, y) for one in (fresh, rest)]
        shown = [opaque(body) for body in found if body]
        covered += sum(int(one.sum()) for one in shown)
        both += int((shown[0] & shown[1]).sum()) if len(shown) == 2 else 0
    assert covered > 100_000
    assert both < covered / 100
    # What is revoked is drawn no more.
    zhang = people["zhang"]
    for model in (new, old):
        with connect(settings, "worker", zhang) as conn:
            told = terrain_decisions.revoke(conn, zhang, model, "r", "d", on=TODAY)
        assert told["state"] == "revoked"
        assert relief_tiles.refresh(settings) is (model == new)
    assert relief_tiles.current(settings) == []

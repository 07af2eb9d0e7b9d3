"""Terrain models come as they come: read to metres of the zone, or refused in one sentence."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from rasterio.transform import Affine, from_origin

from geo.problems import Problem
from geo.tailings.dem_reading import read_dem
from geo.tailings.model import Stated, model_of
from tests.conftest import SHARED

SAID = Stated("made for the test", date(2023, 5, 1), 2.0)
BOX = (112.90, 38.60, 112.93, 38.63)
# Rises east by 100 m a degree and north by 1000 m a degree.
PLANE = (1200.0, 100.0, 1000.0)


def plane(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    base, east, north = PLANE
    return base + east * (lon - 112.9) + north * (lat - 38.6)


def write(path: Path, z: np.ndarray, transform: Affine, crs: Any = 4326, **more: Any) -> Path:
    bands = z if z.ndim == 3 else z[None]
    profile = {"driver": "GTiff", "count": len(bands), "dtype": bands.dtype, **more}
    with rasterio.open(
        path, "w", height=bands.shape[1], width=bands.shape[2], transform=transform,
        crs=None if crs is None else f"EPSG:{crs}", **profile,
    ) as out:  # fmt: skip
        out.write(bands)
    return path


def degrees(
    path: Path,
    west: float,
    south: float,
    east: float,
    north: float,
    factor: float = 1.0,
    **more: Any,
) -> Path:
    """Write the plane in cells of one second of arc."""
    step = 1 / 3600
    rows, cols = round((north - south) / step), round((east - west) / step)
    lon = west + step * (np.arange(cols) + 0.5)
    lat = north - step * (np.arange(rows) + 0.5)
    z = (plane(lon[None, :], lat[:, None]) * factor).astype("float32")
    if "holes" in more:
        for rows_, cols_ in more.pop("holes"):
            z[rows_, cols_] = -9999
    return write(path, z, from_origin(west, north, step, step), **more)


def heights_fit(dem: Any) -> float:
    """Return the largest error of a model of the plane, m."""
    at = np.flatnonzero(~dem.no_ground.ravel())
    import pyproj

    move = pyproj.Transformer.from_crs(dem.epsg, 4490, always_xy=True)
    lon, lat = move.transform(*dem.centres(at).T)
    return float(np.abs(dem.z.ravel()[at] - plane(lon, lat)).max())


def test_a_model_in_degrees_is_moved_to_the_metres_of_its_zone(tmp_path: Path) -> None:
    path = degrees(tmp_path / "n38.tif", 112.89, 38.59, 112.94, 38.64)
    read = read_dem([path], BOX, SAID)
    assert read.dem.epsg == 4547
    assert read.dem.cell == (31.0, 31.0)
    assert read.voids == 0
    assert not read.approximate
    assert heights_fit(read.dem) < 0.01
    assert (read.dem.source, read.dem.on, read.dem.error_m) == (SAID.source, SAID.on, 2.0)


def test_neighbouring_sheets_join_without_a_seam(tmp_path: Path) -> None:
    whole = degrees(tmp_path / "whole.tif", 112.88, 38.58, 112.96, 38.66)
    west = degrees(tmp_path / "west.tif", 112.88, 38.58, 112.91, 38.66)
    east = degrees(tmp_path / "east.tif", 112.91, 38.58, 112.96, 38.66)
    joined = read_dem([west, east], BOX, SAID)
    np.testing.assert_array_equal(joined.dem.z, read_dem([whole], BOX, SAID).dem.z)


def test_two_boxes_lie_on_one_lattice(tmp_path: Path) -> None:
    path = degrees(tmp_path / "n38.tif", 112.85, 38.55, 112.98, 38.68)
    a = read_dem([path], BOX, SAID).dem
    b = read_dem([path], (112.91, 38.61, 112.95, 38.65), SAID).dem
    col, row = ~a.transform @ (b.transform.c, b.transform.f)
    assert (col, row) == (round(col), round(row))
    rows, cols = slice(0, b.shape[0] + int(row)), slice(int(col), a.shape[1])
    overlap = b.z[-int(row) :, : a.shape[1] - int(col)]
    np.testing.assert_array_equal(overlap, a.z[rows, cols])


def test_small_voids_are_bridged_and_large_ones_stay(tmp_path: Path) -> None:
    holes = [(slice(60, 63), slice(60, 63)), (slice(90, 110), slice(90, 110))]
    path = degrees(tmp_path / "holes.tif", 112.89, 38.59, 112.94, 38.64, holes=holes, nodata=-9999)
    read = read_dem([path], BOX, SAID)
    assert 2 <= read.bridged <= 9
    assert 300 <= read.voids <= 500
    assert heights_fit(read.dem) < 1


def test_an_ascii_grid_is_read_by_its_prj_and_without_one_asks(tmp_path: Path) -> None:
    tif = degrees(tmp_path / "n38.tif", 112.89, 38.59, 112.94, 38.64)
    grid = tmp_path / "n38.asc"
    with rasterio.open(tif) as source:
        z, t = source.read(1), source.transform
    rows = "\n".join(" ".join(f"{v:.4f}" for v in row) for row in z)
    head = f"ncols {z.shape[1]}\nnrows {z.shape[0]}\nxllcorner {t.c}\nyllcorner {38.59}\ncellsize {t.a}\n"
    grid.write_text(head + "nodata_value -9999\n" + rows)
    with pytest.raises(Problem) as told:
        read_dem([grid], BOX, SAID)
    assert told.value.code == "terrain.dem.no_crs"
    (tmp_path / "n38.prj").write_text(rasterio.crs.CRS.from_epsg(4326).to_wkt())
    assert heights_fit(read_dem([grid], BOX, SAID).dem) < 0.05


@pytest.mark.parametrize(
    ("driver", "name"), [("HFA", "n.img"), ("EHdr", "n.bil"), ("EHdr", "N.FLT"), ("ENVI", "n.dat")]
)
def test_other_rasters_are_read_with_the_files_that_belong_to_them(
    tmp_path: Path, driver: str, name: str
) -> None:
    path = degrees(tmp_path / name, 112.89, 38.59, 112.94, 38.64, driver=driver)
    assert heights_fit(read_dem([path], BOX, SAID).dem) < 0.01
    beside = path.with_suffix(".hdr")
    if beside.is_file():
        beside.unlink()
        with pytest.raises(Problem) as told:
            read_dem([path], BOX, SAID)
        assert told.value.code == "terrain.dem.kind"


@pytest.mark.parametrize(
    ("driver", "name", "cells", "box"),
    [
        ("DTED", "n38.dt0", 120, (112.1, 38.1, 112.9, 38.9)),
        ("SRTMHGT", "N38E112.SRTMGL3.hgt", 1200, (112.5, 38.5, 112.51, 38.51)),
        ("USGSDEM", "n38.dem", 1200, (112.5, 38.5, 112.51, 38.51)),
    ],
)
def test_tiles_of_one_degree_are_read(
    tmp_path: Path, driver: str, name: str, cells: int, box: Any
) -> None:
    step = 1 / cells
    ramp = np.arange(cells + 1)
    z = (1500 + np.add.outer(-ramp, ramp) * (600 // cells or 1) // 2).astype("int16")
    tif = write(
        tmp_path / "n38.tif", z, from_origin(112 - step / 2, 39 + step / 2, step, step)
    )  # fmt: skip
    rasterio.shutil.copy(tif, tmp_path / name, driver=driver)
    read = read_dem([tmp_path / name], box, SAID)
    np.testing.assert_array_equal(read.dem.z, read_dem([tif], box, SAID).dem.z)


def test_plain_numbers_shorter_than_their_header_says_are_refused(tmp_path: Path) -> None:
    path = degrees(tmp_path / "n.bil", 112.89, 38.59, 112.94, 38.64, driver="EHdr")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(Problem) as told:
        read_dem([path], BOX, SAID)
    assert told.value.code == "reader.child.unreadable"


def test_stated_units_are_turned_to_metres(tmp_path: Path) -> None:
    path = degrees(tmp_path / "cm.tif", 112.89, 38.59, 112.94, 38.64, factor=100)
    stated = Stated("x", None, 2.0, unit="cm")
    assert heights_fit(read_dem([path], BOX, stated).dem) < 0.01


def z_of(kind: str = "float32", bands: int = 1, size: int = 40) -> np.ndarray:
    ramp = np.add.outer(np.arange(size), np.arange(size)) + 1000
    z = ramp.astype(kind)
    return np.stack([z] * bands) if bands > 1 else z


HERE = from_origin(112.89, 38.64, 0.002, 0.002)


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda p: write(p, z_of("uint8", 3), HERE), "terrain.dem.not_heights"),
        (lambda p: write(p, z_of("uint8"), HERE), "terrain.dem.not_heights"),
        (lambda p: write(p, z_of(), HERE, crs=None), "terrain.dem.no_crs"),
        (
            lambda p: write(p, z_of(), from_origin(491_000, 4_277_000, 30, 30), crs=4326),
            "terrain.dem.degrees_with_metres",
        ),
        (lambda p: write(p, z_of(), HERE, crs=4547), "terrain.dem.metres_with_degrees"),
        (lambda p: write(p, z_of(), Affine(0.002, 0.001, 112.89, 0, -0.002, 38.64)), "terrain.dem.no_place"),
        (lambda p: degrees(p, 112.89, 38.59, 112.94, 38.64, factor=100), "terrain.dem.not_metres"),
        (lambda p: degrees(p, 112.91, 38.59, 112.94, 38.64), "terrain.dem.cover"),
        (
            lambda p: write(p, np.full((40, 40), -9999, "float32"), HERE, nodata=-9999),
            "terrain.dem.no_heights",
        ),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_what_is_no_terrain_model_is_refused_in_one_sentence(
    tmp_path: Path, make: Any, code: str
) -> None:
    path = make(tmp_path / "in.tif")
    with pytest.raises(Problem) as told:
        read_dem([path], BOX, SAID)
    assert told.value.code == code
    assert told.value.say("zh").count("。") == 1
    assert "{" not in told.value.say("en")


def test_feet_are_refused_where_the_file_says_so(tmp_path: Path) -> None:
    path = degrees(tmp_path / "feet.tif", 112.89, 38.59, 112.94, 38.64, factor=1 / 0.3048)
    with rasterio.open(path, "r+") as file:
        file.units = ["ft"]
    with pytest.raises(Problem) as told:
        read_dem([path], BOX, SAID)
    assert told.value.code == "terrain.dem.unit_said"


def test_centimetres_that_pass_for_low_ground_are_too_steep(tmp_path: Path) -> None:
    z = (np.random.default_rng(3).random((150, 150)) * 5000).astype("float32")
    path = write(tmp_path / "cm.tif", z, from_origin(112.89, 38.64, 0.0004, 0.0004))
    with pytest.raises(Problem) as told:
        read_dem([path], BOX, SAID)
    assert told.value.code == "terrain.dem.too_steep"


def test_a_tiny_file_that_swells_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "swells.tif"
    profile = {"driver": "GTiff", "dtype": "float32", "count": 1, "crs": "EPSG:4326"}
    with rasterio.open(
        path, "w", width=60_000, height=60_000, transform=from_origin(112, 39, 1e-4, 1e-4),
        sparse_ok=True, tiled=True, blockxsize=4096, blockysize=4096, **profile,
    ):  # fmt: skip
        pass
    assert path.stat().st_size < 100_000
    with pytest.raises(Problem) as told:
        read_dem([path], BOX, SAID)
    assert told.value.code == "terrain.dem.swells"


def test_a_file_that_opens_other_files_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "dem.tif"
    path.write_text('<VRTDataset rasterXSize="1" rasterYSize="1"></VRTDataset>')
    with pytest.raises(Problem) as told:
        read_dem([path], BOX, SAID)
    assert told.value.code == "terrain.dem.kind"
    path.write_bytes(b"II*\x00" + b"\xff" * 3000)
    with pytest.raises(Problem) as told:
        read_dem([path], BOX, SAID)
    assert told.value.code == "reader.child.unreadable"


def test_a_model_of_elsewhere_does_not_cover_the_box() -> None:
    file = SHARED / "alr.tif"
    if not file.is_file():
        pytest.skip("no shared/data/alr.tif")
    with pytest.raises(Problem) as told:
        read_dem([file], BOX, SAID)
    assert told.value.code == "terrain.dem.cover"
    with pytest.raises(Problem) as told:
        read_dem([file], (13.2, 47.4, 13.3, 47.5), SAID)
    assert told.value.code == "terrain.dem.elsewhere"


def test_a_model_on_the_zones_own_lattice_is_taken_as_it_is(tmp_path: Path) -> None:
    z = np.random.default_rng(8).random((90, 80), dtype=np.float32) * 40 + 900
    z[30:34, 20:27] = np.nan
    place = Affine(30, 0, 30 * 16_666, 0, -30, 30 * 143_334)
    path = write(tmp_path / "own.tif", z, place, 4547)
    with model_of([path], SAID) as model:
        np.testing.assert_array_equal(model.part(slice(0, 90), slice(0, 80)).z, z)
        # Beside what the file reaches there is no ground.
        wide = replace(model, grid=place @ Affine.translation(-5, -7), shape=(100, 90))
        around = model.part(slice(0, 90), slice(0, 80)).z
        beside = wide.part(slice(0, 100), slice(0, 90)).z
    np.testing.assert_array_equal(beside[7:97, 5:85], around)
    assert np.isnan(beside).sum() == np.isnan(around).sum() + 100 * 90 - 90 * 80
    # Moved by half a cell it is weighed, not taken.
    moved = write(tmp_path / "half.tif", z, place @ Affine.translation(0.5, 0), 4547)
    with model_of([moved], SAID) as model:
        half = model.part(slice(0, 90), slice(0, 81)).z
    np.testing.assert_allclose(half[5:25, 5:70], (z[5:25, 4:69] + z[5:25, 5:70]) / 2, rtol=1e-6)

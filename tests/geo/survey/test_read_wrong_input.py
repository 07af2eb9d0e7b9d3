"""Wrong and hostile input: one clear sentence each, nothing left behind, the next file works."""

import os
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import psutil
import pyogrio
import pytest
import shapely

from geo.problems import Problem
from geo.settings import CHECKOUT
from geo.store import service
from geo.survey.limits import limits
from geo.survey.reading import ReadOptions, child, parent, read_file
from geo.survey.reading.archive import Source, check_name

BOX = shapely.box(112.6, 38.8, 112.61, 38.81)


@pytest.fixture(autouse=True)
def own_rooms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Rooms for unpacking in a folder of ours, so that what is left behind is seen."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield


@pytest.fixture
def good(tmp_path: Path) -> dict[str, bytes]:
    """The parts of a sound shapefile."""
    folder = tmp_path / "good"
    folder.mkdir()
    made = gpd.GeoDataFrame({"code": ["A", "B"]}, geometry=[BOX, BOX.buffer(0.01)], crs=4490)
    pyogrio.write_dataframe(made, folder / "goaf.shp", encoding="utf-8")
    return {one.suffix: one.read_bytes() for one in folder.iterdir()}


def pack(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return path


def parts(good: dict[str, bytes], **changed: bytes | None) -> dict[str, bytes]:
    found = {suffix: changed.get(suffix[1:], data) for suffix, data in good.items()}
    return {f"goaf{suffix}": data for suffix, data in found.items() if data is not None}


def refused(path: Path, tmp_path: Path, **options: Any) -> Problem:
    work = tmp_path / "work"
    work.mkdir(exist_ok=True)
    with pytest.raises(Problem) as caught:
        read_file(path, ReadOptions(**options), workdir=work)
    assert not list(work.iterdir())
    assert not list(Path(tempfile.gettempdir()).iterdir())
    for lang in ("zh", "en"):
        sentence = caught.value.say(lang)
        assert sentence.count("\n") == 0
        assert not any(ord(character) < 32 for character in sentence)
    assert 400 <= caught.value.http_status < 500
    return caught.value


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("../../etc/goaf.shp", "reader.name.climbs"),
        ("a/../../goaf.shp", "reader.name.climbs"),
        ("..\\goaf.shp", "reader.name.climbs"),
        ("/etc/goaf.shp", "reader.name.absolute"),
        ("C:\\goaf.shp", "reader.name.absolute"),
        ("/vsicurl/http/goaf.shp", "reader.name.virtual"),
        ("vsi.vrt", "reader.name.virtual"),
        ("GOAF.VRT", "reader.name.virtual"),
        ("go\naf.shp", "reader.name.control"),
        ("go\x00af.shp", "reader.name.control"),
        ("x" * 300 + ".shp", "reader.name.long"),
        ("inner.zip", "reader.zip.nested"),
        ("inner.tar.gz", "reader.zip.nested"),
    ],
)
def test_names_in_a_zip(tmp_path: Path, good: dict[str, bytes], name: str, code: str) -> None:
    stand_in = "N" * len(name.encode())
    path = pack(tmp_path / "a.zip", parts(good) | {stand_in: b"x"})
    # zipfile itself would tidy some of these names when writing.
    path.write_bytes(path.read_bytes().replace(stand_in.encode(), name.encode()))
    assert refused(path, tmp_path).code == code


@pytest.mark.parametrize("name", ["/vsizip/a.zip", "/VSICURL/http://x", "a.vrt", "a\x1b[2J.zip"])
def test_names_of_uploads(tmp_path: Path, name: str) -> None:
    (tmp_path / "kept").write_bytes(b"PK\x03\x04")
    with pytest.raises(Problem):
        read_file(tmp_path / "kept", workdir=tmp_path, filename=name)
    with pytest.raises(Problem):
        check_name(name)


@pytest.mark.parametrize("kind", [0o120777, 0o010644, 0o020644])
def test_links_and_devices_in_a_zip(tmp_path: Path, good: dict[str, bytes], kind: int) -> None:
    path = pack(tmp_path / "a.zip", parts(good))
    with zipfile.ZipFile(path, "a") as archive:
        entry = zipfile.ZipInfo("link.shp")
        entry.external_attr = kind << 16
        archive.writestr(entry, "/etc/passwd")
    assert refused(path, tmp_path).code == "reader.zip.link"


def test_a_link_among_loose_files(tmp_path: Path, good: dict[str, bytes]) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name, data in parts(good).items():
        (folder / name).write_bytes(data)
    (folder / "secret.geojson").symlink_to("/etc/passwd")
    assert refused(folder, tmp_path).code == "reader.zip.link"


def test_a_zip_that_swells(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("goaf.shp", "w") as out,
    ):
        for _ in range(64):
            out.write(bytes(1 << 20))
    assert path.stat().st_size < 100_000
    assert refused(path, tmp_path).code == "reader.zip.bomb"


def test_a_zip_that_lies_about_its_sizes(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("goaf.geojson", bytes(32 << 20))
    data = path.read_bytes()
    path.write_bytes(data.replace(struct.pack("<I", 32 << 20), struct.pack("<I", 10)))
    assert refused(path, tmp_path).code in ("reader.zip.bomb", "reader.zip.broken")


def test_a_zip_of_too_many_files(tmp_path: Path) -> None:
    most = limits()["archive"]["entries"]
    path = pack(tmp_path / "a.zip", {f"{n}.txt": b"" for n in range(most + 1)})
    assert refused(path, tmp_path).code == "reader.zip.entries"


def test_a_zip_in_a_zip_under_another_name(tmp_path: Path, good: dict[str, bytes]) -> None:
    inner = pack(tmp_path / "inner.zip", parts(good)).read_bytes()
    path = pack(tmp_path / "a.zip", {"goaf.dat": inner})
    assert refused(path, tmp_path).code == "reader.zip.nested"


def test_a_zip_cut_short(tmp_path: Path, good: dict[str, bytes]) -> None:
    path = pack(tmp_path / "a.zip", parts(good))
    path.write_bytes(path.read_bytes()[:-200])
    assert refused(path, tmp_path).code == "reader.zip.broken"


def test_a_zip_broken_inside(tmp_path: Path, good: dict[str, bytes]) -> None:
    path = pack(tmp_path / "a.zip", parts(good))
    data = bytearray(path.read_bytes())
    data[60:90] = bytes(30)
    path.write_bytes(data)
    assert refused(path, tmp_path).code == "reader.zip.broken"


def test_a_zip_with_a_password(tmp_path: Path, good: dict[str, bytes]) -> None:
    path = pack(tmp_path / "a.zip", parts(good))
    data = bytearray(path.read_bytes())
    at = -1
    while (at := data.find(b"PK\x01\x02", at + 1)) >= 0:
        data[at + 8] |= 1
    path.write_bytes(data)
    assert refused(path, tmp_path).code == "reader.zip.locked"


HTML = b"<!DOCTYPE html>\n<html><head><title>404</title></head></html>"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"dbf": None}, "reader.part.no_dbf"),
        ({"shp": None}, "reader.part.no_shp"),
        ({"shp": b"code,name\n1,2\n" * 20}, "reader.kind.mismatch"),
        ({"shp": HTML * 9}, "reader.kind.mismatch"),
        ({"prj": HTML}, "reader.part.html"),
        ({"cpg": HTML}, "reader.part.html"),
        ({"prj": b"\x00\x01\x02"}, "reader.part.not_text"),
        ({"prj": b"http://127.0.0.1/x.prj"}, "reader.part.prj"),
        ({"prj": b"EPSG:4490"}, "reader.part.prj"),
        ({"dbf": b""}, "reader.part.truncated"),
        ({"dbf": b"\x03" * 40}, "reader.part.truncated"),
    ],
)
def test_parts(
    tmp_path: Path, good: dict[str, bytes], changed: dict[str, bytes | None], code: str
) -> None:
    path = pack(tmp_path / "a.zip", parts(good, **changed))
    assert refused(path, tmp_path).code == code


@pytest.mark.parametrize("suffix", [".shp", ".dbf"])
@pytest.mark.parametrize("keep", [0.3, 0.9])
def test_parts_cut_short(tmp_path: Path, good: dict[str, bytes], suffix: str, keep: float) -> None:
    data = good[suffix][: int(len(good[suffix]) * keep)]
    path = pack(tmp_path / "a.zip", parts(good, **{suffix[1:]: data}))
    assert refused(path, tmp_path).code == "reader.part.truncated"


def test_shapes_and_rows_that_do_not_pair(tmp_path: Path, good: dict[str, bytes]) -> None:
    dbf = bytearray(good[".dbf"])
    width = int.from_bytes(dbf[10:12], "little")
    header = int.from_bytes(dbf[8:10], "little")
    dbf[4:8] = (1).to_bytes(4, "little")
    cut = bytes(dbf[: header + width]) + b"\x1a"
    path = pack(tmp_path / "a.zip", parts(good, dbf=cut))
    assert refused(path, tmp_path).code == "reader.part.counts"


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("goaf.geojson", b"not json at all", "reader.kind.mismatch"),
        ("goaf.geojson", b'{"type": "FeatureCollection", "features": [', "reader.child.unreadable"),
        ("goaf.geojson", b'{"hello": 1}', "reader.child.unreadable"),
        ("goaf.gpkg", b"not sqlite", "reader.kind.mismatch"),
        ("goaf.gpkg", b"SQLite format 3\x00" + bytes(600), "reader.child.unreadable"),
        ("goaf.txt", b"hello", "reader.kind.none"),
        ("goaf.zip", b"", "reader.kind.empty"),
        ("goaf.tif", b"<OGRVRTDataSource></OGRVRTDataSource>", "reader.kind.none"),
    ],
)
def test_other_files(tmp_path: Path, name: str, data: bytes, code: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    assert refused(path, tmp_path).code == code


def test_a_lone_shp(tmp_path: Path, good: dict[str, bytes]) -> None:
    path = tmp_path / "0badc0de"
    path.write_bytes(good[".shp"])
    with pytest.raises(Problem) as caught:
        read_file(path, workdir=tmp_path, filename="goaf.shp")
    assert caught.value.code == "reader.part.no_dbf"


def test_the_next_file_works(tmp_path: Path, good: dict[str, bytes]) -> None:
    refused(pack(tmp_path / "a.zip", {"../x.shp": b""}), tmp_path)
    path = pack(tmp_path / "b.zip", parts(good))
    assert read_file(path, workdir=tmp_path).layers[0].stored == 2


# --- the child ------------------------------------------------------------------------------------


def big(tmp_path: Path, count: int = 150_000) -> Path:
    path = tmp_path / "goaf.geojson"
    one = (
        '{"type":"Feature","properties":{"code":"%d"},"geometry":{"type":"Polygon","coordinates":'
        "[[[112.6,38.8],[112.61,38.8],[112.61,38.81],[112.6,38.8]]]}}"
    )
    with path.open("w") as out:
        out.write('{"type":"FeatureCollection","features":[')
        out.write(",".join(one % n for n in range(count)))
        out.write("]}")
    return path


def children() -> list[psutil.Process]:
    return [
        one
        for one in psutil.Process().children()
        if one.is_running() and "geo.survey.reading.child" in " ".join(one.cmdline())
    ]


def while_reading(act: Callable[[psutil.Process], None]) -> threading.Thread:
    def wait() -> None:
        for _ in range(2000):
            for one in children():
                act(one)
                return
            time.sleep(0.005)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_a_child_that_is_killed(tmp_path: Path) -> None:
    path = big(tmp_path)
    thread = while_reading(lambda one: os.kill(one.pid, signal.SIGKILL))
    assert refused(path, tmp_path).code == "reader.child.died"
    thread.join()
    assert not children()


def test_a_child_that_takes_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(limits()["child"], "wall_seconds", 0.05)
    assert refused(big(tmp_path), tmp_path).code == "reader.child.slow"
    assert not children()


def test_a_child_that_wants_too_much_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(limits()["child"], "memory_bytes", 200 << 20)
    code = refused(big(tmp_path), tmp_path).code
    assert code in ("reader.child.memory", "reader.child.died", "reader.child.unreadable")


def test_too_many_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(limits(), "rows", 99)
    assert refused(big(tmp_path, 100), tmp_path).code == "reader.child.too_many"


def test_the_child_is_cut_off(tmp_path: Path) -> None:
    """Another user, an empty environment, no network of ours, its limits; seen from outside."""
    seen: dict[str, Any] = {}

    def look(one: psutil.Process) -> None:
        for _ in range(3000):
            try:
                if not seen.get("limit"):
                    limit = Path(f"/proc/{one.pid}/limits").read_text()
                    address = next(x for x in limit.splitlines() if "address space" in x)
                    if str(limits()["child"]["memory_bytes"]) in address:
                        seen["limit"] = address
                        seen["environment"] = one.environ()
                        seen["network"] = os.readlink(f"/proc/{one.pid}/ns/net")
                seen["user"] = one.uids().real
                if seen["user"] != os.getuid():
                    return
            except (psutil.Error, OSError):
                return
            time.sleep(0.001)

    thread = while_reading(look)
    assert read_file(big(tmp_path), workdir=tmp_path).layers[0].rows == 150_000
    thread.join()
    assert set(seen["environment"]) == {"PYTHONPATH", *parent.ENVIRONMENT}
    assert seen["limit"]
    if os.geteuid() == 0:
        assert seen["user"] == 65534
        assert seen["network"] != os.readlink("/proc/self/ns/net")


def test_what_the_kernel_permits_is_known() -> None:
    found = parent.confinement()
    assert found["other_user"]
    if os.geteuid() == 0:
        assert found["no_network"]


@pytest.mark.skipif(service.account() is None, reason="there is no account of the server's")
def test_a_child_of_the_server_has_no_network_either() -> None:
    """It holds a right to read this environment, which it would lose with the network too soon."""
    to = service.account()
    assert to is not None
    told = "from geo.survey.reading import parent; print(parent.confinement()['no_network'])"
    # What the kernel lets a bare process of the account do, the child does.
    bare = "import ctypes; print(ctypes.CDLL(None).unshare(0x10000000 | 0x40000000) == 0)"

    def said(code: str) -> str:
        return subprocess.run(
            [*service.prefix(to, reads_all=True), sys.executable, "-B", "-c", code],
            env={"PYTHONPATH": str(CHECKOUT), "PATH": os.environ["PATH"]},
            cwd="/", capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip

    assert said(told) == said(bare)


def test_the_child_opens_nothing_but_the_kind_it_is_told(tmp_path: Path) -> None:
    """A CSV or VRT smuggled past the parent's own checks finds no driver."""
    with parent.room(tmp_path) as folder:
        (folder / "a.csv").write_text('WKT,a\n"POINT (1 2)",1\n')
        (folder / "a.vrt").write_text(
            "<OGRVRTDataSource><OGRVRTLayer name='a'><SrcDataSource>a.csv</SrcDataSource>"
            "</OGRVRTLayer></OGRVRTDataSource>"
        )
        parent.hand_over(folder)
        for name in ("a.csv", "a.vrt"):
            assert pyogrio.list_layers(folder / name).size
            with pytest.raises(Problem) as caught:
                parent.list_layers(Source("a", "GPKG", folder / name), folder)
            assert caught.value.code == "reader.child.unreadable"
    assert set(child.DRIVERS) == {"ESRI Shapefile", "GPKG", "GeoJSON", "DXF"}


def test_an_answer_that_is_no_arrow_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lie(task: dict[str, Any], folder: Path, name: str, out: int) -> dict[str, Any]:
        os.write(out, b"\x80\x04 pickled goods")
        return {"sent": 1, "stated": 1, "crs": None, "geometry": "wkb_geometry"}

    monkeypatch.setattr(parent, "_run", lie)
    with pytest.raises(Problem) as caught:
        parent.read_layer(Source("a", "GPKG", tmp_path / "a"), "a", None, tmp_path)
    assert caught.value.code == "reader.child.died"

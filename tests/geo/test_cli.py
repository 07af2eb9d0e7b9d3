"""The command line as people and scripts run it, on a cluster of its own.

What needs a process (signals, a terminal, a server) is one; what only asks and answers is not.
"""

import json
import os
import pty
import re
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.request
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import geopandas as gpd
import numpy as np
import openpyxl
import pyogrio
import pytest
import rasterio
import rasterio.shutil
import rasterio.transform
import shapely
from typer.testing import CliRunner

from geo import clock
from geo.cli import (  # noqa: F401 -- they add commands
    app,
    boards,
    deciding,
    dictionary,
    exporting,
    files,
    findings,
    grading,
    keeping,
    objections,
    ponds,
    reading,
    rules,
    terrains,
    zones,
)
from geo.cli import serving as _serving  # noqa: F401
from geo.messages import say
from geo.rules.catalogue import DATA
from geo.settings import CHECKOUT, Settings, settings
from geo.store import mine_queries, survey_queries
from geo.store.cluster import Cluster, running_cluster
from geo.store.engine import SYSTEM, connect, dispose
from tests.conftest import cluster_room

pytestmark = [pytest.mark.database, pytest.mark.slow]

MINERISK = [sys.executable, "-m", "geo.cli.run"]
KEYS = {
    "rows",
    "stored",
    "mended",
    "refused",
    "encoding",
    "crs",
    "layer",
    "state",
    "mines_regraded",
    "grades_changed",
}
COMMANDS = (
    *("ingest", "surveys", "accept", "return", "revoke", "claim", "decide"),
    *("grades", "advance", "regrade"),
    *("end", "proposals", "confirm", "doctor", "start", "serve", "worker", "export state"),
    *("export log", "export map.html", "export grades.xlsx", "audit head", "audit verify"),
    *("layers", "template", "rules check", "rules explain", "rules table"),
    *("rules sets", "rules adopt"),
    *("ledger", "ledger-months", "crossings", "screening", "screening-answer", "survey-contract"),
    *("boards", "measures"),
    *("years", "output", "objections", "object", "answer", "notice"),
    *("datums list", "datums add", "matches", "submit"),
    *("db grants", "db migrate", "user add", "user list", "user password"),
    *("ponds", "pond-event", "pond-papers", "terrain", "headtop", "zones", "siting"),
)


@dataclass
class Place:
    """One installation: its own folder, hence its own cluster."""

    local: Path
    summary: dict = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        return Settings(local=self.local, database_url=None)

    def env(self, **more: str) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("MINERISK_")}
        return {**kept, "MINERISK_LOCAL": str(self.local), "MINERISK_LANG": "zh", **more}

    def start(self, *words: str, **more: str) -> subprocess.Popen:
        return subprocess.Popen(
            [*MINERISK, *words],
            cwd=CHECKOUT,
            env=self.env(**more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, code: int = 0, **more: str) -> subprocess.CompletedProcess:
        """Run a command in this process: a second each time for imports alone would add up."""
        kept = {name: None for name in os.environ if name.startswith("MINERISK_")}
        settings.cache_clear()
        try:
            ended = CliRunner().invoke(app, words, env=kept | self.env(**more))
        finally:
            settings.cache_clear()
        if ended.exception is not None and not isinstance(ended.exception, SystemExit):
            raise ended.exception
        assert ended.exit_code == code, ended.stderr or ended.stdout
        return subprocess.CompletedProcess(words, code, ended.stdout, ended.stderr)

    def ask(self, *words: str, **more: str):
        return json.loads(self.run(*words, "--json", **more).stdout)

    def refused(self, *words: str, **more: str) -> str:
        """Return the one sentence a command ends with where the user can mend what is wrong."""
        ended = self.run(*words, code=2, **more)
        assert ended.stdout == ""
        lines = ended.stderr.strip().splitlines()
        assert len(lines) == 1, ended.stderr
        return lines[0]


@pytest.fixture(scope="module")
def folder():
    with cluster_room("minerisk-cli-") as made:
        yield made


@pytest.fixture(scope="module")
def place(folder):
    """An installation with the sample county, its cluster up."""
    made = Place(folder / "local")
    with running_cluster(made.settings):
        ended = made.run("start", "--once", "--json")
        made.summary = json.loads(ended.stdout.splitlines()[-1])
        yield made
        dispose()


@pytest.fixture
def goaf(place, tmp_path) -> Path:
    """A zip as a survey unit sends it: GBK without .cpg, zone-prefixed eastings without .prj."""
    with connect(place.settings, "worker", SYSTEM) as conn:
        mine = next(m for m in mine_queries.mines(conn, clock.today()) if m["code"] == "SL-C03")
    x, y = mine["point"]
    # Never twice the same: what was filed before would be answered with the survey there is.
    shift = int(tmp_path.name.encode().hex(), 16) % 97 * 1e-6
    rows = gpd.GeoDataFrame(
        {
            "编号": ["老空1"], "矿山编号": ["SL-C03"], "煤层": ["3"], "积水": ["有"],
            "积水范围清": ["否"], "积水量": ["不清"], "验证状态": ["已验证"],
        },
        geometry=[shapely.box(x + shift, y, x + shift + 0.001, y + 0.001)],
        crs=4490,
    ).to_crs(mine["zone_epsg"])  # fmt: skip
    source = tmp_path / "shape"
    source.mkdir()
    rows.to_file(source / "采空区.shp", encoding="GBK", engine="pyogrio")
    packed = tmp_path / "采空区.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for name in ("shp", "shx", "dbf"):
            archive.write(source / f"采空区.{name}", f"采空区.{name}")
    return packed


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# --- help ---------------------------------------------------------------------------------------


def test_help_answers_at_once(capsys):
    walls, works = [], []
    for _ in range(5):
        began, before = time.perf_counter(), os.times()
        subprocess.run([*MINERISK, "--help"], cwd=CHECKOUT, check=True, capture_output=True)
        walls.append(time.perf_counter() - began)
        after = os.times()
        works.append(sum(after[2:4]) - sum(before[2:4]))
    with capsys.disabled():
        sys.stdout.write(f"\nminerisk --help: {min(walls):.2f} s, {min(works):.2f} s of one core\n")
    # The processor's time: a machine that is busy with something else does not count.
    assert min(works) < 0.5


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_shows_an_example(command):
    shown = CliRunner().invoke(app, [*command.split(), "--help"], env={"COLUMNS": "200"}).stdout
    assert re.search(rf"Example: minerisk {re.escape(command)}\b", shown), shown


# --- start --------------------------------------------------------------------------------------


def test_start_once_loads_the_sample_through_the_users_doors(place):
    found = place.summary
    assert found["mines"] == 12
    assert found["surveys"] == 13
    assert found["refused"] == 1
    assert found["mended"] > 0
    assert found["features"] > 0
    assert found["claims"] > 0
    assert found["grades_raised"] > 0
    assert 0 < found["unclear_mines"] <= 12
    assert set(found["seconds"]) >= {"cluster", "migrate", "sample", "regrade"}
    words = place.local / "demo-signins.json"
    assert stat.S_IMODE(words.stat().st_mode) == 0o600
    assert set(json.loads(words.read_text("utf-8"))) >= {"admin", "zhang", "wang", "zhao"}


def test_a_second_start_loads_nothing_twice(place):
    before = (place.local / "demo-signins.json").read_text("utf-8")
    again = json.loads(place.run("start", "--once", "--json").stdout.splitlines()[-1])
    assert {k: v for k, v in again.items() if k != "seconds"} == {
        k: v for k, v in place.summary.items() if k != "seconds"
    }
    assert (place.local / "demo-signins.json").read_text("utf-8") == before


def test_the_readmes_command_sums_up_in_its_last_line(place):
    ended = subprocess.run(
        ["scripts/start", "--once", "--json"],
        cwd=CHECKOUT,
        env=place.env(),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout.splitlines()[-1])
    assert found["mines"] == 12
    assert set(found["seconds"]) >= {"system", "environment", "web", "migrate", "sample"}


def test_two_commands_on_a_fresh_checkout_get_along_and_the_last_one_stops_the_cluster(folder):
    fresh = Place(folder / "fresh")
    words = (("audit", "head"), ("doctor", "--json"), ("surveys", "--as", "nobody"))
    running = [fresh.start(*w) for w in words]
    ended = [(p.communicate(timeout=300), p.returncode) for p in running]
    assert [code for _, code in ended] == [0, 0, 2], ended
    assert not Cluster(fresh.settings).running()


def test_serving_prints_the_address_and_stops_all_it_started(place):
    port = free_port()
    serving = place.start("start", "--port", str(port))
    try:
        said = [serving.stdout.readline() for _ in range(8)]
        address = f"http://127.0.0.1:{port}/"
        assert address in said[0]
        words = json.loads((place.local / "demo-signins.json").read_text("utf-8"))
        assert dict(line.split() for line in said[2:8]) == words
        with urllib.request.urlopen(f"{address}readyz", timeout=30) as answer:  # printed = up
            assert json.load(answer) == {"status": "ready"}
        taken = place.refused("start", "--port", str(port))
        assert str(port) in taken
        assert "端口" in taken
        children = _children(serving.pid)
        assert len(children) == 2
    finally:
        serving.send_signal(signal.SIGINT)
        _, log = serving.communicate(timeout=60)
    assert serving.returncode == 0
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]
    # In a pipe the log is JSON, one event to a line.
    events = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    assert [e["path"] for e in events if e["event"] == "request"] == ["/readyz"]
    # Only what it started: this test holds the cluster, too.
    assert Cluster(place.settings).running()


def test_a_start_that_is_killed_leaves_nothing_behind(place):
    serving = place.start("start", "--port", str(free_port()))
    serving.stdout.readline()
    children = _children(serving.pid)
    serving.kill()
    serving.communicate()
    until = time.monotonic() + 20
    while time.monotonic() < until and any(Path(f"/proc/{pid}").exists() for pid in children):
        time.sleep(0.1)
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]


def _children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(one) for one in found]


# --- files --------------------------------------------------------------------------------------


def test_a_dry_run_tells_what_would_move_and_keeps_nothing(place, goaf):
    before = place.ask("surveys")
    found = place.ask("ingest", str(goaf), "--dry-run")
    assert set(found) >= KEYS
    assert (found["rows"], found["stored"], found["refused"]) == (1, 1, 0)
    assert (found["layer"], found["state"]) == ("goaf", "staged")
    assert found["encoding"].upper().replace("-", "") in ("GB18030", "GBK", "CP936")
    assert place.ask("surveys") == before
    moved = [m for m in found["moves"] if (m["mine_code"], m["hazard"]) == ("SL-C03", "hydro")]
    assert [(m["before"], m["after"]) for m in moved] == [("medium", "very_complex")]


def test_what_is_no_file_of_a_survey_says_what_to_do(place, tmp_path):
    assert "zip" in place.refused("ingest", str(tmp_path))
    table = tmp_path / "坐标.csv"
    table.write_text("名字,东,北\nA,1,2\nA,3,4\nA,5,6\n")
    said = place.run("ingest", str(table), "--dry-run").stdout
    assert say("cli.say_layer", "zh") in said
    # Where nothing can be stored, nobody is told to submit it.
    assert say("cli.state.nothing", "zh") in said
    assert "--yes" not in said
    assert "None" not in said


def test_a_file_goes_in_is_accepted_and_grades_say_why(place, goaf):
    found = place.ask("ingest", str(goaf), "--yes", "--as", "wang")
    assert found["state"] == "submitted"
    newest = place.ask("surveys")[0]
    assert (newest["state"], newest["filename"]) == ("submitted", "采空区.zip")
    # An id is copied from the list, so it stands there whole; and no word is cut off.
    listed = place.run("surveys").stdout
    assert newest["id"] in listed
    assert "…" not in listed

    words = ("--reason", "审核通过", "--document", "测审字〔2026〕1号")
    done = place.ask("accept", newest["id"], *words)
    assert done["state"] == "accepted"
    assert "SL-C03" in done["mines"]
    place.refused("accept", newest["id"], *words)

    assert "老空1" in place.run("grades", "--mine", "SL-C03", "--why").stdout
    mine = place.ask("grades", "--mine", "SL-C03")
    hydro = next(line for line in mine["lines"] if line["hazard"] == "hydro")
    assert (hydro["determined"], hydro["effective"]) == ("medium", "very_complex")


def test_the_same_file_again_is_the_survey_there_is(place, goaf):
    place.ask("ingest", str(goaf), "--yes")
    before = place.ask("surveys")
    place.ask("ingest", str(goaf), "--yes")
    assert place.ask("surveys") == before


def test_ingest_and_accept_in_one_go(place, goaf):
    found = place.ask("ingest", str(goaf), "--accept")
    assert found["state"] == "accepted"
    assert found["mines_regraded"] >= 1


def test_files_with_no_confirmation_in_a_pipe_wait(place, goaf):
    """Nobody can answer in a pipe: without --yes nothing is submitted."""
    before = place.ask("surveys")
    said = place.run("ingest", str(goaf)).stdout
    assert "--yes" in said
    assert place.ask("surveys") == before


def _extent(path: Path, place: Place) -> Path:
    with connect(place.settings, "worker", SYSTEM) as conn:
        mine = next(m for m in mine_queries.mines(conn, clock.today()) if m["code"] == "SL-C03")
    x, y = mine["point"]
    row = {
        "矿山编号": "SL-C03", "普查因素": "采空区", "普查方法": "物探", "开始日期": "2024-03-01",
        "结束日期": "2024-05-01", "普查单位": "某院", "有效期至": "2034-05-01",
    }  # fmt: skip
    made = gpd.GeoDataFrame([row], geometry=[shapely.box(x, y, x + 0.01, y + 0.01)], crs=4490)
    made.to_file(path / "范围.geojson", driver="GeoJSON")
    return path / "范围.geojson"


def test_an_extent_goes_in_before_its_survey(place, goaf, tmp_path):
    extent = _extent(tmp_path, place)
    before = place.ask("surveys")
    place.ask("ingest", str(goaf), "--extent", str(extent), "--dry-run")
    assert place.ask("surveys") == before
    place.ask("ingest", str(goaf), "--extent", str(extent), "--yes")
    newest, first = place.ask("surveys")[:2]
    assert (newest["filename"], newest["layers"]) == ("采空区.zip", ["goaf"])
    assert (first["filename"], first["layers"]) == ("范围.geojson", ["survey_extent"])
    # A wrong extent stops the whole: no survey without what says where it looked.
    wrong = tmp_path / "坏.zip"
    wrong.write_bytes(b"PK\x03\x04")
    there = place.ask("surveys")
    place.refused("ingest", str(goaf), "--extent", str(wrong), "--yes")
    assert place.ask("surveys") == there


def test_a_survey_replaces_the_one_it_names(place, goaf, tmp_path):
    place.ask("ingest", str(goaf), "--accept")
    old = place.ask("surveys")[0]
    assert old["state"] == "accepted"
    fresh = gpd.read_file(tmp_path / "shape" / "采空区.shp", encoding="GBK")
    fresh["积水"] = "无"
    fresh.to_file(tmp_path / "采空区2.gpkg", layer="采空区")
    words = ("ingest", str(tmp_path / "采空区2.gpkg"), "--supersedes", old["id"])
    place.ask(*words, "--yes")
    newest = place.ask("surveys")[0]
    with connect(place.settings, "worker", SYSTEM) as conn:
        found = survey_queries.survey(conn, UUID(newest["id"]))
    assert str(found["supersedes"]) == old["id"]
    assert "surveys" in place.refused(*words[:3], "not-an-id", "--yes")
    assert place.refused(*words[:3], "00000000-0000-0000-0000-000000000000", "--yes")


def on_a_terminal(place, *words: str) -> tuple[str, str]:
    """Run a command whose errors go to a terminal; return what it printed and what it drew."""
    primary, secondary = pty.openpty()
    process = subprocess.Popen(
        [*MINERISK, *words],
        cwd=CHECKOUT,
        env=place.env(TERM="xterm", COLUMNS="120"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=secondary,
    )
    os.close(secondary)
    drawn = b""
    while True:
        try:
            drawn += os.read(primary, 1 << 16)
        except OSError:
            # The other end is closed: the command has ended.
            break
    out, _ = process.communicate(timeout=300)
    os.close(primary)
    return out.decode(), drawn.decode()


def test_a_bar_on_a_terminal_and_no_chatter_in_a_pipe(place, goaf):
    ended = place.run("ingest", str(goaf), "--dry-run", "--json")
    assert ended.stderr == ""
    json.loads(ended.stdout)
    # A dry run keeps nothing, yet tells what it found.
    assert "坐标基准是假定的" in place.run("ingest", str(goaf), "--dry-run").stdout
    out, text = on_a_terminal(place, "ingest", str(goaf), "--dry-run", "--json")
    at = [text.index(stage) for stage in ("送入", "读取", "检查", "试算")]
    assert at == sorted(at)
    size = goaf.stat().st_size
    assert f"{size}/{size}" in text
    assert "1/1" in text
    assert json.loads(out)["rows"] == 1


def test_a_known_object_is_asked_about(place, goaf, tmp_path):
    fresh = gpd.read_file(tmp_path / "shape" / "采空区.shp", encoding="GBK")
    fresh["编号"] = ""
    for name, shift in (("一.gpkg", 300.0), ("二.gpkg", 310.0)):
        moved = fresh.set_geometry(fresh.translate(shift))
        moved.to_file(tmp_path / name, layer="采空区")
    place.ask("ingest", str(tmp_path / "一.gpkg"), "--accept")
    found = place.ask("ingest", str(tmp_path / "二.gpkg"))
    (question,) = found["matches"]
    assert question["state"] == "open"
    assert "IoU" in question["message"]
    said = place.run("matches", found["upload"]).stdout
    assert question["id"][:8] in said
    (answered,) = place.ask("matches", found["upload"], "--same", question["id"])
    assert (answered["state"], answered["object_id"]) == ("same", question["object_id"])
    assert place.refused("matches", found["upload"], "--same", found["upload"])
    assert place.ask("submit", found["upload"])["state"] == "submitted"


def _escaping(path: Path) -> Path:
    with zipfile.ZipFile(path / "逃逸.zip", "w") as archive:
        archive.writestr("../../evil.shp", b"x")
    return path / "逃逸.zip"


def _text_named_shp(path: Path) -> Path:
    with zipfile.ZipFile(path / "文本.zip", "w") as archive:
        archive.writestr("采空区.shp", "this is a text")
        archive.writestr("采空区.dbf", "and so is this")
    return path / "文本.zip"


def _virtual(path: Path) -> Path:
    (path / "x.vrt").write_text("<OGRVRTDataSource/>")
    return path / "x.vrt"


def _empty(path: Path) -> Path:
    (path / "空.zip").write_bytes(b"")
    return path / "空.zip"


def _cut(path: Path) -> Path:
    whole = (CHECKOUT / "sample_data" / "01_煤矿矿界.zip").read_bytes()
    (path / "截断.zip").write_bytes(whole[: len(whole) // 2])
    return path / "截断.zip"


@pytest.mark.parametrize(
    ("make", "lang"),
    [
        (_escaping, "zh"),
        (_escaping, "en"),
        (_text_named_shp, "zh"),
        (_virtual, "en"),
        (_empty, "zh"),
        (_cut, "en"),
    ],
)
def test_a_file_that_cannot_be_taken_is_one_sentence_and_code_2(place, tmp_path, make, lang):
    before = place.ask("surveys")
    said = place.refused("ingest", str(make(tmp_path)), "--yes", MINERISK_LANG=lang)
    assert bool(re.search("[一-鿿]{4}", said)) == (lang == "zh"), said
    assert place.ask("surveys") == before


def test_the_next_file_works_after_a_refused_one(place, tmp_path, goaf):
    place.refused("ingest", str(_cut(tmp_path)), "--yes")
    assert place.ask("ingest", str(goaf), "--yes")["state"] == "submitted"


@pytest.mark.parametrize(
    "words",
    [
        ("ingest", "/nowhere/没有.zip"),
        ("ingest", "README.md", "--layer", "nonsense"),
        ("grades", "--mine", "SL-X99"),
        ("grades", "--as-of", "yesterday"),
        ("regrade",),
        ("surveys", "--as", "nobody"),
        ("accept", "no-id", "--reason", "r", "--document", "d"),
        ("claim", "SL-C01", "gas", "purple", "--source", "declared", "--document", "d"),
        ("user", "password", "nobody"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_what_the_user_can_mend_is_one_sentence(place, words):
    assert place.refused(*words, MINERISK_PASSWORD="long enough a word")


# --- decisions, grades, exports, the chain -------------------------------------------------------


def test_a_decision_is_a_floor_and_an_ending_needs_a_second_person(place):
    said = place.ask("decide", "SL-C06", "gas", "outburst", "--document", "测调字〔2026〕1号")
    assert [m["after"] for m in said["moves"] if m["hazard"] == "gas"] == ["outburst"]
    mine = place.ask("grades", "--mine", "SL-C06")
    key = next(
        c["key"] for c in mine["claims"] if c["source"] == "decision" and c["hazard"] == "gas"
    )
    words = ("--kind", "error", "--reason", "录入错误", "--document", "测调字〔2026〕2号")
    made = place.ask("end", f"claim:{key}", *words, "--as", "zhang")
    assert made["proposal"] in [p["id"] for p in place.ask("proposals")]
    place.refused("confirm", made["proposal"], "--as", "zhang")
    done = place.ask("confirm", made["proposal"], "--as", "li")
    assert done["state"] == "confirmed"
    assert [m["before"] for m in done["moves"] if m["hazard"] == "gas"] == ["outburst"]


def test_an_enterprise_objects_and_the_regulator_answers(place, tmp_path):
    paper = tmp_path / "报告.pdf"
    paper.write_bytes(b"%PDF-1.7 x")
    words = ("object", "SL-C01", "hydro", "--reason", "已疏放", "--attach", str(paper))
    made = place.ask(*words, MINERISK_USER="zhao")
    (row,) = place.ask("objections", MINERISK_USER="zhao")
    assert (row["id"], row["state"]) == (made["objection"], "open")
    assert row["attachments"][0]["name"] == "报告.pdf"
    place.ask("answer", made["objection"], "returned", "--reason", "请补充记录")
    assert place.ask("objections", "--mine", "SL-C01")[0]["answer"]["reason"] == "请补充记录"
    assert "SL-C01" in place.refused(*words[:5], "--attach", str(tmp_path / "SL-C01.pdf"))


def test_a_full_regrade_of_what_holds_changes_nothing(place):
    first = place.ask("regrade", "--all")
    assert first["mines_regraded"] == 12
    assert (first["grades_changed"], first["claims_added"], first["claims_ended"]) == (0, 0, 0)
    assert first["seconds"] > 0


def test_proposed_rules_are_compared_and_nothing_is_written(place, tmp_path):
    head = place.run("audit", "head").stdout
    text = (DATA / "gas.yaml").read_text("utf-8")
    own = text[text.index("- id: gas.four_limits") : text.index("- id: gas.outburst_area")]
    stricter = own.replace("heading_m3min, gt: 3", "heading_m3min, gt: 1")
    (tmp_path / "own.yaml").write_text(stricter, "utf-8")
    words = ("regrade", "--rules", str(tmp_path), "--county", "--compare")
    found = place.ask(*words)
    # Of the low-gas mines only number one has over 1 m³/min at a heading (1.1; number five has 0.8).
    moved = {m["mine_code"]: m["moves"] for m in found["mines"] if m["moves"]}
    assert moved == {"SL-C01": [{"hazard": "gas", "before": "low", "after": "high"}]}
    assert found["rules"] == {"added": [], "removed": [], "changed": ["gas.four_limits"], "figures": []}  # fmt: skip
    assert found["version"] != found["proposed"]
    assert "SL-C01" in place.run(*words).stdout
    assert place.run("audit", "head").stdout == head
    looser = own.replace("heading_m3min, gt: 3", "heading_m3min, gt: 4")
    (tmp_path / "own.yaml").write_text(looser, "utf-8")
    assert "own.yaml:1" in place.refused(*words)
    assert "--compare" in place.refused("regrade", "--all", "--rules", str(tmp_path))


def test_the_rules_of_a_county_wait_until_they_are_adopted(place, tmp_path):
    (tmp_path / "parameters.yaml").write_text(
        "surroundings_m: {value: 800, unit: m, standard: 县规定, verified: false, label: {zh: 周边, en: around}}",
        "utf-8",
    )
    national = place.ask("rules", "check")["version"]
    county = {"MINERISK_COUNTY_RULES": str(tmp_path)}
    installed = place.ask("rules", "check", **county)["version"]
    assert installed != national
    # What is installed waits; in force is what was adopted, and nothing stops.
    (first,) = place.ask("rules", "sets")["sets"]
    assert (first["version"], first["proposed_by"]) == (national, "system")
    assert place.ask("rules", "sets", **county)["waiting"] == installed
    told = {f["code"]: f["good"] for f in place.ask("doctor", **county)}
    assert told["rules.waits"]
    compared = place.ask("rules", "adopt", "--compare", **county)
    assert (compared["version"], compared["proposed"]) == (national, installed)
    assert compared["rules"]["figures"] == ["surroundings_m"]
    assert place.ask("regrade", "--all", **county)["grades_changed"] == 0
    assert "采用" in place.refused("rules", "adopt", "--reason", "r", "--document", "d")
    assert "文号" in place.refused("rules", "adopt", **county)
    # A folder that does not hold together is told when the service starts, not by its first page.
    (tmp_path / "own.yaml").write_text("- id: [\n", "utf-8")
    for words in (("start", "--once"), ("serve",)):
        assert "own.yaml:2" in place.refused(*words, **county)


def test_the_ledger_counts_factors_and_exposures(place, tmp_path):
    found = place.ask("ledger", "--as", "zhang")
    assert [row["number"] for row in found["rows"]] == list(range(1, len(found["rows"]) + 1))
    goafs = next(kind for kind in found["kinds"] if kind["kind"] == "goaf")
    assert goafs["exposures"] > goafs["factors"]
    path = tmp_path / "台账.xlsx"
    place.run("ledger", "-o", str(path))
    book = openpyxl.load_workbook(path)
    rows = list(book["普查治理台账"].values)
    # Title, who files it and the head above; an empty row and the signatures below.
    assert len(rows) == len(found["rows"]) + 5
    assert "首次影响年份" in rows[2]
    assert "采空区" in {row[3] for row in rows}
    form = tmp_path / "治理工程.xlsx"
    place.run("ledger", "--form", str(form), "--mine", "SL-C02")
    assert place.ask("ingest", str(form), "--dry-run")["layer"] == "treatment_works"
    assert place.ask("ledger-months") == []
    assert "2024-01" in place.refused("ledger", "--month", "2024-01")
    own = place.ask("ledger", "--as", "zhao")
    assert {row["mine_code"] for row in own["rows"]} == {"SL-C01", "SL-C02"}


def test_a_board_is_listed_and_only_what_is_unclear_is_planned_for(place):
    counts = place.ask("boards")
    rows = place.ask("boards", "unsurveyed")
    assert len(rows) == counts["unsurveyed"] > 0
    shown = place.run("boards", "unsurveyed").stdout
    assert rows[0]["kind"] in shown
    assert say("cli.column.mine_code", "zh") in shown
    assert "mine_code" not in shown
    assert "unsurveyed" in place.refused("boards", "nope")
    plan = ("--measures", "钻探两孔", "--responsible", "王工", "--due")
    assert place.refused("measures", "SL-C01", "nope", *plan, "2024-12-31")
    assert "X2" in place.refused("measures", "SL-C03", "nope", *plan, "2024-12-31")
    assert place.ask("measures", "SL-C03", "X2", *plan, "2024-12-31") == {"state": "recorded"}
    (row,) = place.ask("boards", "unresolved")
    assert (row["object"], row["measures"], row["responsible"]) == ("X2", "钻探两孔", "王工")
    assert "2024-13-01" in place.refused("measures", "SL-C01", "nope", *plan, "2024-13-01")


def test_crossings_and_screening_ask(place):
    assert place.ask("crossings", "--valid-on", "2024-09-01", "--known-at", "2024-09-01") == []
    assert place.ask("screening", "--known-at", "2020-01-01") == []
    asked = place.ask("screening")
    assert {row["check"] for row in asked} == {"without_surroundings"}
    assert "没有" in place.refused("crossings", "--mine", "nope")


def test_years_say_when_a_factor_is_met_and_what_a_delay_changes(place):
    first = place.ask("years", "SL-C01")
    assert first
    assert all(row["sentence"]["zh"] and row["sentence"]["en"] for row in first)
    starts = [row["starts"] or "" for row in first]
    assert starts == sorted(starts)
    row = next(r for r in first if r["item_name"] and r["year"])
    state = place.run("export", "state").stdout
    later = place.ask("years", "SL-C01", "--move", row["item_name"], "--by", "2")
    assert (later["working"], later["years"]) == (row["item_name"], 2)
    assert len(later["sentences"]["zh"]) >= 2
    # It is only asked: nothing was written.
    assert place.run("export", "state").stdout == state
    assert row["item_name"] in place.refused("years", "SL-C01", "--move", "nope")
    assert "20" in place.refused("years", "SL-C01", "--move", row["item_name"], "--by", "0")
    assert "SL-C04" in place.refused("years", "SL-C04", "--as", "zhao")


def test_an_enterprise_sees_its_own_mines_only(place):
    seen = {row["mine_code"] for row in place.ask("grades", "--as", "zhao")}
    everybody = {row["mine_code"] for row in place.ask("grades")}
    assert seen
    assert seen < everybody


SHEET = CHECKOUT / "sample_data" / "14_示例县地形_30m.tif"


def test_the_zone_of_a_large_model_is_that_of_the_register_whoever_computes_it(place, tmp_path):
    alone, spread = tmp_path / "alone.tif", tmp_path / "禁建区.tif"
    found = place.ask("zones", "--dem", str(SHEET), "-o", str(alone))
    # The same model, objects and rules as the register's own zone.
    assert found["km2"]["inside"] == place.summary["zones_km2"]
    assert found["objects"] > 0
    assert found["taken_up"] == 0
    drawn = tmp_path / "禁建区.gpkg"
    words = ("zones", "--dem", str(SHEET), "--cluster", "local", "-o", str(spread))
    ended = place.run(*words, "--polygons", str(drawn))
    assert pyogrio.read_info(drawn)["features"] > 0
    drawn.unlink()
    assert ended.stderr == ""
    assert f"{found['km2']['inside']}" in ended.stdout
    assert spread.read_bytes() == alone.read_bytes()
    assert {one.name for one in tmp_path.iterdir()} == {alone.name, spread.name}
    # A cloud-optimised file goes in as well as out.
    again = tmp_path / "cog.tif"
    rasterio.shutil.copy(SHEET, again, driver="COG")
    out, drawn = on_a_terminal(
        place, "zones", "--dem", str(again), "-o", str(tmp_path / "z.tif"), "--json"
    )
    assert json.loads(out)["cells"] == found["cells"]
    assert f"{found['tiles']}/{found['tiles']}" in drawn
    assert "分块" in drawn
    assert (tmp_path / "z.tif").read_bytes() == alone.read_bytes()


def test_a_killed_zone_goes_on_where_it_was(place, tmp_path):
    # About a corner of the fixed grid, so that four tiles share it.
    z = np.add.outer(np.arange(80), np.arange(80)).astype("float32")
    corner = 4096 * 30 * 4, 4096 * 30 * 35
    transform = rasterio.transform.from_origin(corner[0] - 1200, corner[1] + 1200, 30, 30)
    sheet = tmp_path / "dem.tif"
    profile = {"driver": "GTiff", "count": 1, "dtype": "float32", "crs": "EPSG:4547"}
    with rasterio.open(sheet, "w", width=80, height=80, transform=transform, **profile) as made:
        made.write(z, 1)
    whole, out = tmp_path / "whole.tif", tmp_path / "zone.tif"
    words = ("zones", "--dem", str(sheet), "--json", "-o")
    assert json.loads(place.run(*words, str(whole)).stdout)["tiles"] == 4
    process = place.start(*words, str(out))
    while not list(tmp_path.glob(".zone.tif.tiles/-*_*-*")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert not out.exists()
    found = json.loads(place.run(*words, str(out)).stdout)
    assert 1 <= found["taken_up"] < 4
    assert out.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize(
    "words",
    [
        ("--dem", "README.md", "-o", "x.tif"),
        ("--dem", "nowhere.tif", "-o", "x.tif"),
        ("--dem", str(SHEET), "--unit", "cm", "-o", "x.tif", "--crs", "99999"),
        ("--dem", str(SHEET), "--unit", "li", "-o", "x.tif"),
        ("--dem", str(SHEET), "--crs", "4490", "-o", "x.tif"),
        ("--dem", str(SHEET), "-o", "nowhere/x.tif"),
        ("--dem", str(SHEET), "-o", "x.tif", "--as", "zhao"),
        ("--dem", str(SHEET)),
        ("--cluster", "local", "-o", "x.tif"),
        ("--polygons", "x.gpkg", "-o", "x.tif"),
        ("--dem", str(SHEET), "-o", "x.tif", "--polygons", "x.shp"),
    ],
    ids=" ".join,
)
def test_what_is_no_model_for_a_zone_is_one_sentence(place, tmp_path, words):
    words = [str(tmp_path / one) if one == "x.tif" else one for one in words]
    assert place.refused("zones", *words)
    assert not (tmp_path / "x.tif").exists()


def test_exports_and_the_chain(place, tmp_path):
    place.run("export", "state", "-o", str(tmp_path / "state.ndjson"))
    rows = [json.loads(line) for line in (tmp_path / "state.ndjson").read_text().splitlines()]
    assert {"state", "mine", "claim", "encounter"} == {row["type"] for row in rows}
    assert place.run("export", "log").stdout.count('"table": "batch"') >= 11

    sheet = tmp_path / "等级.xlsx"
    place.run("export", "grades.xlsx", "-o", str(sheet))
    assert openpyxl.load_workbook(sheet).active.max_row > 12
    page = tmp_path / "图.html"
    place.run("export", "map.html", "-o", str(page))
    assert "SL-C01" in page.read_text("utf-8")

    head = place.ask("audit", "head")
    assert head["seq"] >= 11
    assert place.ask("audit", "verify")["head"] == head["hash"]
    assert all(finding["good"] for finding in place.ask("doctor"))


def test_users_are_added_and_listed(place):
    words = ("--name", "孙监管", "--role", "regulator", "--org", "bureau", "--district", "140981")
    place.run("user", "add", "sun", *words, MINERISK_PASSWORD="long enough a word")
    assert "sun" in [user["login"] for user in place.ask("user", "list")]
    place.run("user", "password", "sun", MINERISK_PASSWORD="another good word")


def test_grants_print_what_an_administrator_runs(place):
    said = place.run("db", "grants").stdout
    assert "CREATE EXTENSION IF NOT EXISTS postgis" in said
    assert "minerisk_app" in said


def test_a_given_database_that_does_not_answer_is_a_sentence(place):
    given = f"postgresql://x:y@127.0.0.1:{free_port()}/z"
    assert "z" not in place.refused("audit", "head", MINERISK_DATABASE_URL=given).split()


def test_elevation_models_are_listed_and_an_act_names_one(place):
    (one,) = place.ask("terrain", "--list")
    assert (one["state"], one["files"]) == ("in_force", ["14_示例县地形_30m.tif"])
    assert "SL-T04" in one["ponds"]
    both = place.refused("terrain", "--revoke", one["id"], "--return", one["id"])
    assert both == say("cli.terrain_one", "zh")
    assert place.refused("terrain", "x.tif") == say("cli.terrain_said", "zh")
    other = place.refused("terrain", "--revoke", "1", "--reason", "r", "--document", "d")
    assert "1" in other
    # It judges head-top ponds: one person alone takes it from under none of them.
    waits = place.ask(
        "terrain", "--revoke", one["id"], "--reason", "r", "--document", "d", "--as", "zhang"
    )
    assert (waits["state"], "SL-T04" in waits["ponds"]) == ("needs_second", True)
    place.run("confirm", waits["proposal"], "--refuse", "r", "--as", "li")
    assert place.ask("terrain", "--list") == [one]

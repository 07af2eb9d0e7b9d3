"""The county's seven parameters on an upload's way: read from the installation's own file."""

import pyogrio
import pytest
from typer.testing import CliRunner

from geo.cli import app, reading  # noqa: F401 -- it adds commands
from geo.store import intake
from geo.store.engine import SYSTEM, connect
from geo.survey.reading import datums
from tests.geo.survey.test_read_datums import LOCAL, known, local
from tests.geo.survey.test_read_files import frame, square

pytestmark = pytest.mark.database


def read(settings, file, people, path, **options):
    upload_id = file(path, people["zhang"], submit=False, layer="goaf", **options)
    with connect(settings, "worker", SYSTEM) as conn:
        return intake.upload_status(conn, upload_id)


def test_an_upload_uses_its_countys_parameters(settings, file, people, tmp_path):
    path = tmp_path / "goaf.gpkg"
    made = frame([{"code": "A"}], [square()]).set_crs(4610, allow_override=True)
    pyogrio.write_dataframe(made, path, layer="goaf")
    before = read(settings, file, people, path)["result"]["layers"][0]["crs"]
    assert (before["error_m"], before["shift"]) == (100.0, None)
    datums.save(settings.datums, {"140981": {"xian80": local()}, "140902": {}})
    after = read(settings, file, people, path)["result"]["layers"][0]["crs"]
    assert after["error_m"] == 0.2
    assert after["shift"]["source"] == LOCAL["source"]
    # The county's box says where they are good, unless they say so themselves.
    assert after["shift"]["area"] == [112.28, 38.58, 113.08, 39.14]
    settings.datums.write_text("140981: {xian80: {dx: 1}}", "utf-8")
    failed = read(settings, file, people, path)
    assert (failed["state"], failed["problem"]["code"]) == ("failed", "reader.datum.file")


def test_the_command_keeps_what_hits_its_known_points(settings, tmp_path, monkeypatch):
    import yaml

    monkeypatch.setenv("MINERISK_LANG", "zh")
    run = CliRunner().invoke
    assert "100 米" in run(app, ["datums", "list"]).output
    path = tmp_path / "a.yaml"
    path.write_text(yaml.safe_dump({**LOCAL, "points": known(local())}), "utf-8")
    words = ["datums", "add", "--county", "140981", "--datum", "xian80", "--file", str(path)]
    done = run(app, words)
    assert (done.exit_code, "140981" in done.output) == (0, True), done.output
    assert datums.load(settings.datums)["140981"]["xian80"].dx == LOCAL["dx"]
    for wrong in (["--county", "14098"], ["--datum", "wgs72"], ["--file", "none.yaml"]):
        assert run(app, [*words, *wrong]).exit_code == 2
    path.write_text(yaml.safe_dump({**LOCAL, "points": known(local(rx=-1.21))}), "utf-8")
    refused = run(app, words)
    assert (refused.exit_code, "公共点" in refused.output) == (2, True)
    assert '"dx": -12.7' in run(app, ["datums", "list", "--json"]).output

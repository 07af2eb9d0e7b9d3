"""Objects over several surveys: by official code, by a person's word, and never by themselves."""

import pytest
import shapely
from sqlalchemy import select, text

from geo.problems import Problem
from geo.store import intake, matches
from geo.store.engine import SYSTEM, connect
from geo.store.tables import batch, feature
from tests.conftest import TODAY, filed
from tests.county import goaf, rect, write

pytestmark = pytest.mark.database


@pytest.fixture
def base(two_mines):
    """Two mines with plans; returns what files and accepts more."""
    return two_mines


def nameless(x, code="A", number="", seam="3"):
    row, shape = goaf(code, number, x, water="无")
    row["煤层"] = seam
    return row, shape


def sent(settings, folder, people, rows, by="wang", layer="goaf"):
    path = write(folder / f"again-{len(list(folder.iterdir()))}.geojson", rows)
    return filed(settings, path, people[by], layer=layer, submit=False)


def asked(settings, upload_id, actor):
    with connect(settings, "app", actor) as conn:
        return matches.listed(conn, upload_id)


def answer(settings, upload_id, actor, match, same=True):
    with connect(settings, "worker", actor) as conn:
        matches.settle(conn, actor, upload_id, match["id"], same)


def submitted(settings, upload_id, actor):
    with connect(settings, "worker", actor) as conn:
        survey_id = intake.submit(conn, actor, upload_id, on=TODAY)
        found = conn.execute(select(feature).where(feature.c.survey_id == survey_id))
        return {row.row_no: row for row in found}


def objects(settings, survey_id):
    with connect(settings, "worker", SYSTEM) as conn:
        found = conn.execute(select(feature).where(feature.c.survey_id == survey_id))
        return {row.row_no: row.object_id for row in found}


def test_a_confirmed_row_is_a_new_version_and_any_other_a_new_object(
    base, settings, people, tmp_path
):
    first, _ = base([nameless(0.1), nameless(0.3), goaf("A", "G3", 0.6, water="无")], "goaf")
    known = objects(settings, first)
    rows = [nameless(0.11), nameless(0.31), goaf("A", "G3", 0.62, water="无"), nameless(0.8)]
    upload_id = sent(settings, tmp_path, people, rows)
    one, two = asked(settings, upload_id, people["wang"])
    # Row 3 has its official code, row 4 looks like nothing.
    assert [(m["row_no"], m["object_id"]) for m in (one, two)] == [(1, known[1]), (2, known[2])]
    assert one["value"] == pytest.approx((0.05 - 0.01) / (0.05 + 0.01), abs=0.001)
    code, params = matches.words(one)
    assert "IoU 0.67" in Problem(code, **params).say("zh")
    answer(settings, upload_id, people["wang"], one)
    answer(settings, upload_id, people["wang"], two, same=False)
    found = submitted(settings, upload_id, people["wang"])
    assert found[1].object_id == known[1]
    assert found[3].object_id == known[3]
    assert {found[2].object_id, found[4].object_id}.isdisjoint(known.values())
    with connect(settings, "worker", SYSTEM) as conn:
        note = conn.scalars(select(batch.c.note).order_by(batch.c.seq.desc())).first()
    assert [(s["row"], s["by"]) for s in note["same"]] == [(found[1].key, "wang")]


def test_unanswered_it_is_a_new_object(base, settings, people, tmp_path):
    first, _ = base([nameless(0.1)], "goaf")
    upload_id = sent(settings, tmp_path, people, [nameless(0.11)])
    assert len(asked(settings, upload_id, people["wang"])) == 1
    found = submitted(settings, upload_id, people["wang"])
    assert found[1].object_id not in objects(settings, first).values()
    (left,) = asked(settings, upload_id, people["wang"])
    with pytest.raises(Problem) as caught:
        answer(settings, upload_id, people["wang"], left)
    assert caught.value.code == "store.not_staged"


def test_rows_without_a_code_do_not_pass_for_their_mine(base, settings, people, tmp_path):
    """Two goafs of one mine without a code of their own are two objects, in this survey and the next."""
    first, _ = base([nameless(0.1), nameless(0.6)], "goaf")
    upload_id = sent(settings, tmp_path, people, [nameless(0.3), nameless(0.9)])
    found = submitted(settings, upload_id, people["wang"])
    all_ = [*objects(settings, first).values(), *(row.object_id for row in found.values())]
    assert len(set(all_)) == 4


def test_only_accepted_surveys_and_the_newest_version_are_asked_about(
    base, settings, people, tmp_path
):
    waiting = sent(settings, tmp_path, people, [nameless(0.1)])
    submitted(settings, waiting, people["wang"])
    assert not asked(settings, sent(settings, tmp_path, people, [nameless(0.11)]), people["wang"])
    base([goaf("A", "G1", 0.5, water="无")], "goaf")
    base([goaf("A", "G1", 0.7, water="无")], "goaf")
    there = sent(settings, tmp_path, people, [nameless(0.5), nameless(0.7)])
    assert [m["row_no"] for m in asked(settings, there, people["wang"])] == [2]


def test_one_object_and_one_row_are_confirmed_once(base, settings, people, tmp_path):
    base([nameless(0.1), nameless(0.12)], "goaf")
    upload_id = sent(settings, tmp_path, people, [nameless(0.11), nameless(0.115)])
    found = asked(settings, upload_id, people["wang"])
    assert len(found) == 4
    first = found[0]
    answer(settings, upload_id, people["wang"], first)
    for other in found[1:]:
        if first["row_no"] == other["row_no"] or first["object_id"] == other["object_id"]:
            with pytest.raises(Problem) as caught:
                answer(settings, upload_id, people["wang"], other)
            assert caught.value.code == "store.match.taken"
    answer(settings, upload_id, people["wang"], first, same=False)
    answer(settings, upload_id, people["wang"], found[1])


def test_nobody_learns_of_anothers_object_by_its_likeness(base, settings, people, tmp_path):
    base([nameless(0.1)], "goaf", by="rival")
    upload_id = sent(settings, tmp_path, people, [nameless(0.11)])
    # The contractor may not see the other contractor's goaf; the regulator may, and can answer.
    assert asked(settings, upload_id, people["wang"]) == []
    with connect(settings, "app", people["wang"]) as conn:
        assert conn.scalar(text("SELECT count(*) FROM staging.staged_match")) == 0
    (one,) = asked(settings, upload_id, people["li"])
    with pytest.raises(Problem):
        answer(settings, upload_id, people["zhao"], one)
    answer(settings, upload_id, people["li"], one)
    assert submitted(settings, upload_id, people["wang"])[1].object_id == one["object_id"]


def test_the_stated_accuracy_of_a_survey_is_its_lines_error(base, settings, people, tmp_path):
    def fault(dy, code="A"):
        line = shapely.LineString([(112.485, 38.805 + dy), (112.5, 38.81 + dy)])
        return {"矿山编号": code, "断层名称": "F"}, line

    base([fault(0.0)], "fault")
    moved = fault(0.00002)
    assert not asked(
        settings, sent(settings, tmp_path, people, [moved], layer="fault"), people["wang"]
    )
    extent = {
        "矿山编号": "A", "普查因素": "断层", "普查方法": "物探", "开始日期": "2024-03-01",
        "结束日期": "2024-05-01", "普查单位": "某院", "有效期至": "2034-05-01", "精度": 5,
    }  # fmt: skip
    import geopandas as gpd

    path = tmp_path / "both.gpkg"
    for layer, (row, shape) in {
        "fault": moved,
        "survey_extent": (extent, rect(0, 0, 1, 1)),
    }.items():
        gpd.GeoDataFrame([row], geometry=[shape], crs=4490).to_file(path, layer=layer)
    upload_id = filed(settings, path, people["wang"], submit=False)
    (one,) = asked(settings, upload_id, people["wang"])
    assert (one["measure"], one["bound"]) == ("hausdorff", 5.0)
    assert one["value"] == pytest.approx(2.2, abs=0.1)

"""One run or many, near or far: a mine's rows depend on the facts alone."""

import pytest

from geo.store import mine_evidence
from geo.store.engine import SYSTEM, connect
from tests.conftest import TODAY
from tests.county import boundary, goaf, rect
from tests.geo.store.test_decisions import WET, Office

pytestmark = pytest.mark.database


@pytest.fixture
def office(settings, people, tmp_path, two_mines):
    """The county's two mines, and the acts of its people in one word each."""
    return Office(settings, people, tmp_path, two_mines)


def test_a_relation_is_measured_alike_however_far_the_owners_licence_lies(office):
    # Mine 0 has the smaller code and lies in the next zone: its zone measures what it has in A.
    office.accepted([boundary("0", "甲公司", x=20)], "mine_boundary")
    office.accepted([goaf("0", "G0", x=0.05, **WET)], "goaf")
    office.accepted([goaf("A", "G1", x=0.7, water="无")], "goaf")
    assert office.full_run_changes() == (0, 0, [])


def test_a_place_is_clipped_anew_where_the_study_area_grew(office):

    def width(code):
        with connect(office.settings, "worker", SYSTEM) as conn:
            found = mine_evidence.mine(conn, code, TODAY)["encounters"]
        return {
            max(x for x, _ in e["geometry"]["coordinates"][0])
            for e in found
            if e["layer"] == "goaf" and e["evidence"]["extent"] == "field"
        }

    row, _ = goaf("B", "G1", x=1.02, **WET)
    office.accepted([(row, rect(1.02, 0.4, 0.6, 0.05))], "goaf")
    before = width("A")
    plan = {"矿山编号": "A", "类型": "工作面", "工作面名称": "3102", "煤层": "3", "开始日期": "2024-01-01", "结束日期": "2030-12-31"}  # fmt: skip
    office.accepted([(plan, rect(0.9, 0.3, 0.4, 0.3))], "plan_item")
    assert max(width("A")) > max(before)


def test_a_neighbour_that_declares_itself_prone_asks_the_mine_beside_it_at_once(office):
    def asked(code):
        with connect(office.settings, "worker", SYSTEM) as conn:
            found = mine_evidence.mine(conn, code, TODAY)["claims"]
        return {one["rule_id"] for one in found if one["outcome"] == "question"}

    assert "gas.outburst_neighbour" not in asked("A")
    # The same ground; what changed is what the neighbour says of itself.
    row, place = boundary("B", "乙公司", x=1)
    office.accepted([(row | {"瓦斯等级": "煤与瓦斯突出"}, place)], "mine_boundary")
    assert "gas.outburst_neighbour" in asked("A")
    assert office.full_run_changes() == (0, 0, [])

"""A row drawn anew takes the place of one on record once accepted, and gives it back if revoked."""

import pytest
from sqlalchemy import select, text

from geo.problems import Problem
from geo.rules import national_rules
from geo.store import audit, corrections, decisions, export, mine_evidence, mine_queries
from geo.store.batches import newest_seq
from geo.store.engine import SYSTEM, connect
from geo.store.facts import load_world
from geo.store.grading import regrade
from geo.store.pond_facts import features
from geo.store.publish import publishing
from geo.store.tables import feature
from geo.store.tiles import data_version, tile
from tests.conftest import TODAY, filed
from tests.county import extent, goaf, panel, write

pytestmark = pytest.mark.database


@pytest.fixture
def base(two_mines):
    """Two mines with plans; returns what files and accepts more."""
    return two_mines


def row_of(settings, survey_id):
    with connect(settings, "worker", SYSTEM) as conn:
        return conn.execute(select(feature).where(feature.c.survey_id == survey_id)).one()


def redrawn(settings, folder, people, rows, old, by="wang", layer="goaf", **options):
    path = write(folder / f"drawn-{len(list(folder.iterdir()))}.geojson", rows)
    return filed(settings, path, people[by], layer=layer, corrects=old.id, **options)


def accept(settings, actor, survey_id):
    with connect(settings, "worker", actor) as conn:
        return decisions.accept(conn, actor, survey_id, "ok", "doc", on=TODAY)


def factors(settings):
    with connect(settings, "worker", SYSTEM) as conn:
        world = load_world(conn, national_rules())
    counted = world.factors[world.factors["status"] != "provisional"]
    return sorted(counted.geometry.bounds["minx"].round(4))


def under_a_pond(settings):
    """Where a pond to be sited would lie over a goaf."""
    with connect(settings, "worker", SYSTEM) as conn:
        rows = features(conn, ("goaf",), newest_seq(conn))
    return sorted(round(row["geometry"].bounds[0], 4) for row in rows)


def hydro(settings, actor, code):
    with connect(settings, "app", actor) as conn:
        found = mine_evidence.mine(conn, code, TODAY)
    return next(one["effective"] for one in found["lines"] if one["hazard"] == "hydro")


def test_the_new_version_counts_alone_and_the_old_stays_on_record(base, settings, people, tmp_path):
    # Wet and of unknown extent, beside the panel of A.
    first, _ = base([goaf("A", "G1", 0.62, water="有", known="否")], "goaf")
    old = row_of(settings, first)
    before, high = factors(settings), hydro(settings, people["zhang"], "A")
    # Drawn anew elsewhere in the panel, as wet as before: nothing falls, one person is enough.
    drawn = redrawn(settings, tmp_path, people, [goaf("A", "G1", 0.7, water="有", known="否")], old)
    # What only waits takes nobody's place.
    assert before[0] in factors(settings)
    assert accept(settings, people["zhang"], drawn)["state"] == "accepted"
    after = factors(settings)
    assert len(after) == 1
    assert after != before
    assert under_a_pond(settings) == after
    assert hydro(settings, people["zhang"], "A") == high
    new = row_of(settings, drawn)
    assert new.object_id == old.object_id
    assert row_of(settings, first).key == old.key
    with connect(settings, "worker", SYSTEM) as conn:
        assert audit.verify(conn).fault is None
        note = conn.scalar(text("SELECT note FROM minerisk.batch WHERE note ? 'corrects'"))
    assert note["corrects"] == old.key

    # Revoked as false (L17): the old one counts again, and what it raised itself stays held.
    with connect(settings, "worker", people["zhang"]) as conn:
        decisions.revoke(conn, people["zhang"], drawn, "false", "doc", on=TODAY)
    assert before[0] in factors(settings)
    assert before[0] in under_a_pond(settings)


def test_a_correction_that_lowers_a_grade_waits_for_a_second_person(
    base, settings, people, tmp_path
):
    first, _ = base([goaf("A", "G1", 0.62, water="有", known="否")], "goaf")
    high = hydro(settings, people["zhang"], "A")
    dry = [goaf("A", "G1", 0.62, water="无", known="是", volume="0")]
    drawn = redrawn(settings, tmp_path, people, dry, row_of(settings, first))
    waiting = accept(settings, people["zhang"], drawn)
    assert waiting["state"] == "needs_second"
    assert hydro(settings, people["zhang"], "A") == high
    with connect(settings, "worker", people["li"]) as conn:
        decisions.settle(conn, people["li"], waiting["proposal"], True, on=TODAY)
    assert hydro(settings, people["zhang"], "A") != high


def test_a_smaller_extent_covers_only_what_it_says(base, settings, people, tmp_path):
    """Else the ground that a correction takes out would pass as surveyed."""
    first, _ = base([extent("A", "全部")], "survey_extent")
    small = extent("A", "采空区")
    drawn = redrawn(
        settings, tmp_path, people, [small], row_of(settings, first), layer="survey_extent"
    )
    accept(settings, people["zhang"], drawn)
    with connect(settings, "worker", SYSTEM) as conn:
        world = load_world(conn, national_rules())
    assert list(world.extents["kinds"]) == [("goaf",)]


def test_a_plan_item_is_corrected_and_only_the_new_one_is_planned(base, settings, people, tmp_path):
    with connect(settings, "worker", SYSTEM) as conn:
        old = conn.execute(
            select(feature).where(feature.c.layer == "plan_item", feature.c.mine_code == "A")
        ).one()
    # It ended long ago, or so the plan said.
    first, _ = base([panel("A", "3101", x=0.62, start="2020-01-01", end="2021-12-31")], "plan_item")
    assert first
    late = row_of(settings, first)
    longer = [panel("A", "3101", x=0.64)]
    drawn = redrawn(settings, tmp_path, people, longer, late, layer="plan_item")
    accept(settings, people["zhang"], drawn)
    with connect(settings, "app", people["zhang"]) as conn:
        planned = mine_queries.workings(conn, "A")
    keys = {one["attrs"]["end"] for one in planned}
    assert keys == {"2030-12-31"}
    assert len(planned) == 2
    with connect(settings, "worker", SYSTEM) as conn:
        world = load_world(conn, national_rules())
    keys = set(world.plan.loc[world.plan["mine_code"] == "A", "key"])
    assert keys == {old.key, row_of(settings, drawn).key}


def test_only_one_of_two_corrections_takes_the_place(base, settings, people, tmp_path):
    first, _ = base([goaf("A", "G1", 0.62, water="有", known="否")], "goaf")
    old = row_of(settings, first)
    rows = [[goaf("A", "G1", x, water="有", known="否")] for x in (0.66, 0.7)]
    one, two = (redrawn(settings, tmp_path, people, row, old) for row in rows)
    accept(settings, people["zhang"], one)
    with pytest.raises(Problem) as told:
        accept(settings, people["zhang"], two)
    assert told.value.code == "store.corrected_already"
    with pytest.raises(Problem) as told:
        redrawn(settings, tmp_path, people, [goaf("A", "G1", 0.8, water="有")], old)
    assert told.value.code == "store.corrected_already"
    # The version that stands may be corrected in its turn, back to what it was: the same content
    # as the first, and yet it counts.
    back = redrawn(
        settings, tmp_path, people, [goaf("A", "G1", 0.62, water="有", known="否")],
        row_of(settings, one),
    )  # fmt: skip
    accept(settings, people["zhang"], back)
    assert row_of(settings, back).key == old.key
    assert len(factors(settings)) == 1


def test_one_row_of_the_same_layer_and_no_more(base, settings, people, tmp_path):
    first, _ = base([goaf("A", "G1", 0.62, water="无")], "goaf")
    old = row_of(settings, first)
    two = [goaf("A", "G1", 0.62, water="无"), goaf("A", "G2", 0.7, water="无")]
    with pytest.raises(Problem) as told:
        redrawn(settings, tmp_path, people, two, old)
    assert told.value.code == "store.correct_one_row"
    boundary = row_of_layer(settings, "mine_boundary")
    with connect(settings, "app", people["zhang"]) as conn, pytest.raises(Problem) as told:
        corrections.target(conn, boundary.id)
    assert told.value.http_status == 404
    # Nobody corrects what they do not see, nor what is not accepted.
    with connect(settings, "app", people["rival"]) as conn, pytest.raises(Problem) as told:
        corrections.target(conn, old.id)
    assert told.value.http_status == 404
    waiting = redrawn(settings, tmp_path, people, two[:1], old)
    with connect(settings, "app", people["wang"]) as conn, pytest.raises(Problem) as told:
        corrections.target(conn, row_of(settings, waiting).id)
    assert told.value.code == "store.correct_accepted"


def row_of_layer(settings, layer):
    with connect(settings, "worker", SYSTEM) as conn:
        return conn.execute(select(feature).where(feature.c.layer == layer).limit(1)).one()


def test_no_tile_draws_or_counts_the_old_version(base, settings, people, tmp_path):
    first, _ = base([goaf("A", "G1", 0.62, water="有", known="否")], "goaf")
    old = row_of(settings, first)
    drawn = redrawn(
        settings, tmp_path, people, [goaf("A", "G1", 0.64, water="有", known="否")], old
    )
    accept(settings, people["zhang"], drawn)
    new = row_of(settings, drawn)
    with connect(settings, "app", people["zhang"]) as conn:
        version = data_version(conn)
        before = conn.scalar(
            text("SELECT min(b.seq) - 1 FROM minerisk.batch b WHERE b.note ? 'corrects'")
        )
        x, y = conn.execute(
            text(
                "SELECT floor((ST_X(c) + 20037508.342789244) / 40075016.68557849 * 16384)::int, "
                "floor((20037508.342789244 - ST_Y(c)) / 40075016.68557849 * 16384)::int "
                "FROM (SELECT ST_Centroid(geom_3857) AS c FROM minerisk.feature WHERE id = :id) f"
            ),
            {"id": old.id},
        ).one()
        near = {seq: tile(conn, "factors", 14, x, y, seq) for seq in (before, version)}
        far = {seq: tile(conn, "factors", 7, x >> 7, y >> 7, seq) for seq in (before, version)}
    assert str(old.id).encode() in near[before]
    assert str(old.id).encode() not in near[version]
    assert str(new.id).encode() in near[version]
    # One object was counted, and one is.
    assert str(old.id).encode() in far[before]
    assert str(old.id).encode() not in far[version]
    assert str(new.id).encode() in far[version]


def test_a_stated_error_stays_with_the_row(base, settings, people, tmp_path):
    first, _ = base([goaf("A", "G1", 0.62, water="无")], "goaf")
    drawn = redrawn(
        settings, tmp_path, people, [goaf("A", "G1", 0.7, water="无")], row_of(settings, first),
        error_m=12.5,
    )  # fmt: skip
    assert row_of(settings, drawn).error_m == 12.5


def test_the_state_is_the_same_graded_anew(base, settings, people, tmp_path):
    first, _ = base([goaf("A", "G1", 0.62, water="有", known="否")], "goaf")
    drawn = redrawn(
        settings, tmp_path, people, [goaf("A", "G1", 0.7, water="有", known="否")],
        row_of(settings, first),
    )  # fmt: skip
    accept(settings, people["zhang"], drawn)
    with connect(settings, "worker", SYSTEM) as conn:
        state = list(export.export_state(conn, TODAY))
        with publishing(conn, SYSTEM, "regrade", TODAY) as made:
            regrade(made, None)
        assert list(export.export_state(conn, TODAY)) == state

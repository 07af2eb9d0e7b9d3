"""Tiles under row-level security: nothing vanishes, nothing leaks, and the index is used."""

from datetime import date

import pyogrio
import pytest
from sqlalchemy import text

from benchmarks.tiles import REGULATOR, fill
from geo.store.engine import SYSTEM, Actor, connect, engine
from geo.store.tables import PROTECTED
from geo.store.tiles import tile

pytestmark = pytest.mark.database
COUNT = 4000
OTHER = Actor(login="other", role="regulator", district="15")


@pytest.fixture
def filled(settings):
    with connect(settings, "worker", SYSTEM) as conn:
        fill(conn, COUNT)
    with engine(settings, "admin").connect() as conn:
        conn.execute(text("ANALYZE minerisk.feature"))
        conn.commit()
    return settings


def counts(body, folder):
    path = folder / "tile.mvt"
    path.write_bytes(body)
    frame = pyogrio.read_dataframe(f"MVT:{path}", layer="factors")
    return frame["count"].tolist()


@pytest.mark.parametrize("tiles", [[(0, 0, 0)], [(4, 12, 6), (4, 13, 6)]])
def test_below_zoom_nine_the_counts_add_up_to_the_rows_one_may_see(filled, tmp_path, tiles):
    # The squares lie on both sides of 112.5° E, where two tiles of zoom 4 meet.
    for actor in (REGULATOR, OTHER):
        with connect(filled, "app", actor) as conn:
            bodies = [tile(conn, "factors", *place, 1) for place in tiles]
            rows = conn.scalar(text("SELECT count(*) FROM minerisk.feature"))
        assert sum(sum(counts(body, tmp_path)) for body in bodies) == rows == COUNT / 2
        assert max(map(len, bodies)) < 500_000


def test_before_anything_was_known_a_tile_is_empty(filled):
    with connect(filled, "app", REGULATOR) as conn:
        assert tile(conn, "factors", 0, 0, 0, 0) == b""


def test_the_definer_function_uses_the_index_and_sees_what_the_policy_sees(filled):
    box = "ST_Transform(ST_MakeEnvelope(112, 37, 112.3, 37.3, 4326), 3857)"
    with connect(filled, "app", REGULATOR) as conn:
        by_policy = conn.scalar(
            text(f"SELECT count(*) FROM minerisk.feature WHERE geom_3857 && {box}")
        )
        by_door = conn.scalar(
            text(f"SELECT count(*) FROM minerisk.features_in(ARRAY['goaf'], {box}, 1, NULL, NULL)")
        )
    assert by_policy == by_door > 0
    with engine(filled, "admin").connect() as conn:
        conn.execute(text("SET LOCAL ROLE minerisk_definer"))
        plan = "\n".join(
            conn.scalars(
                text(
                    "EXPLAIN SELECT * FROM minerisk.feature f WHERE f.geom_3857 && "
                    f"{box} AND minerisk.visible(f.district, f.owner_org, f.survey_org)"
                )
            )
        )
    assert "idx_feature_geom_3857" in plan


@pytest.mark.parametrize("table", PROTECTED, ids=lambda t: t.fullname)
def test_every_owned_table_is_closed_without_an_identity(filled, table):
    with engine(filled, "admin").connect() as conn:
        forced = conn.execute(
            text(
                "SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE oid = CAST(:t AS regclass)"
            ),
            {"t": table.fullname},
        ).scalar_one()
    assert forced
    with connect(filled, "app") as conn:
        assert conn.scalar(text(f"SELECT count(*) FROM {table.fullname}")) == 0
        may_write = conn.scalar(
            text(
                "SELECT has_table_privilege(CAST(:t AS text), 'INSERT, UPDATE, DELETE, TRUNCATE')"
            ),
            {"t": table.fullname},
        )
    assert not may_write


def test_a_tile_shows_what_holds_on_the_day_and_the_plan_within_the_horizon(filled, tmp_path):
    with engine(filled, "admin").connect() as conn:
        conn.execute(
            text(
                "INSERT INTO minerisk.feature (id, batch_id, object_id, survey_id, key, layer, "
                "row_no, attrs, raw, error_m, valid, geom, geom_3857, district) "
                "SELECT gen_random_uuid(), batch_id, gen_random_uuid(), survey_id, 'new ' || n, n, "
                "0, '{}', '{}', 0, daterange('2024-05-10', NULL), geom, geom_3857, '140981' "
                "FROM (SELECT * FROM minerisk.feature WHERE district = '140981' LIMIT 1) f, "
                "unnest(ARRAY['fault', 'plan_item']) n"
            )
        )
        conn.commit()

    def seen(layer, on):
        with connect(filled, "app", REGULATOR) as conn:
            found = []
            for z in (0, 9):
                n = 2**z
                bodies = [
                    tile(conn, layer, z, x, y, 1, on)
                    for x in range(*((0, 1) if z == 0 else (412, 419)))
                    for y in range(*((0, 1) if z == 0 else (190, 205)))
                    if x < n
                ]
                total = 0
                for body in filter(None, bodies):
                    path = tmp_path / "t.mvt"
                    path.write_bytes(body)
                    frame = pyogrio.read_dataframe(f"MVT:{path}", layer=layer)
                    total += len(set(frame["key"])) if z else int(frame["count"].sum())
                found.append(total)
        return found

    # The squares of old hold from always; the fault from its day; the plan five years ahead of it.
    early, late = seen("factors", date(2024, 5, 9)), seen("factors", date(2024, 5, 10))
    assert late[0] == early[0] + 1 == COUNT / 2 + 1
    assert seen("plan", date(2019, 5, 9)) == [0, 0]
    assert seen("plan", date(2019, 5, 10)) == [1, 1]

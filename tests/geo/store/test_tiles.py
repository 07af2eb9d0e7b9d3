"""Tiles under row-level security: nothing vanishes, nothing leaks, and the index is used."""

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
            text(f"SELECT count(*) FROM minerisk.features_in(ARRAY['goaf'], {box}, 1)")
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

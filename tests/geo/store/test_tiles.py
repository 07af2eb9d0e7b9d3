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


def read(body, folder, layer):
    path = folder / "tile.mvt"
    path.write_bytes(body)
    return pyogrio.read_dataframe(f"MVT:{path}", layer=layer)


def counts(body, folder):
    return read(body, folder, "factors")["count"].tolist()


# What is drawn as a shape at every zoom, large and with 1200 corners each, as cells of a model leave
# an edge; and one yard of 300 m.
SHAPES = """
CREATE TEMP TABLE shape ON COMMIT DROP AS
SELECT ST_Buffer(
        ST_Point(12290000 + mod(i * 7919, 120000), 4180000 + mod(i * 104729, 120000), 3857),
        CASE i WHEN 0 THEN 150 ELSE 12000 END, 300) AS geom_3857,
    ST_SetSRID(ST_MakeEnvelope(110.4, 35, 110.5, 35.1), 4490) AS geom,
    CASE i WHEN 0 THEN 'yard' ELSE 'M-' || i END AS code, b.id AS batch_id, s.id AS survey_id
FROM generate_series(0, 100) i, minerisk.batch b, minerisk.survey s;
SET LOCAL session_replication_role = replica;
INSERT INTO minerisk.feature (id, batch_id, object_id, survey_id, key, layer, mine_code, row_no,
    attrs, raw, error_m, valid, geom, geom_3857, district)
SELECT gen_random_uuid(), batch_id, gen_random_uuid(), survey_id, code, 'mine_boundary', code, 0,
    '{}', '{}', 0, daterange(NULL, NULL), geom, geom_3857, '140981' FROM shape;
INSERT INTO minerisk.mine_state (batch_id, mine_code, on_date, lines, coverage, summary, district)
SELECT batch_id, code, '2024-09-01', '[]', '[]', '{}', '140981' FROM shape;
INSERT INTO minerisk.unclear_ground (batch_id, mine_code, kinds, geom, geom_3857, district)
SELECT batch_id, code, '["goaf"]', geom, geom_3857, '140981' FROM shape;
INSERT INTO minerisk.encounter (id, batch_id, key, mine_code, factor_key, layer, status, valid,
    evidence, geom, geom_3857, district)
SELECT gen_random_uuid(), batch_id, code, code, '', 'goaf', 'in_force', daterange(NULL, NULL), '{}',
    geom, geom_3857, '140981' FROM shape;
INSERT INTO minerisk.terrain_run (id, batch_id, key, terrain_id, summary, district)
SELECT survey_id, batch_id, '', survey_id, '{}', '14' FROM shape LIMIT 1;
INSERT INTO minerisk.zone (id, batch_id, run_id, kind, pond_code, area_m2, geom, geom_3857,
    district)
SELECT gen_random_uuid(), batch_id, survey_id, 'no_build', code, 0, geom, geom_3857, '140981'
FROM shape;
INSERT INTO minerisk.head_top (id, batch_id, key, run_id, pond_code, source, outcome, on_date,
    evidence, geom, geom_3857, district)
SELECT gen_random_uuid(), batch_id, '', survey_id, code, 'computed', 'yes', '2024-09-01', '{}',
    geom, ST_ExteriorRing(geom_3857), '140981' FROM shape
"""
# Layer → what names a row of it.
DRAWN = {
    "mines": "mine_code",
    "unclear": "mine_code",
    "encounters": "mine_code",
    "zones": "pond_code",
    "paths": "pond_code",
}


def at(z, east, north):
    """Return the tile of a zoom that a place in EPSG:3857 lies in."""
    edge, n = 20037508.342789244, 2**z
    return z, int((east + edge) / (2 * edge) * n), int((edge - north) / (2 * edge) * n)


@pytest.mark.parametrize("tiles", [[(0, 0, 0)], [(4, 12, 6), (4, 13, 6)]])
def test_below_zoom_nine_the_counts_add_up_to_the_rows_one_may_see(filled, tmp_path, tiles):
    # The squares lie on both sides of 112.5° E, where two tiles of zoom 4 meet.
    for actor in (REGULATOR, OTHER):
        with connect(filled, "app", actor) as conn:
            bodies = [tile(conn, "factors", *place, 1) for place in tiles]
            rows = conn.scalar(text("SELECT count(*) FROM minerisk.feature"))
        assert sum(sum(counts(body, tmp_path)) for body in bodies) == rows == COUNT / 2
        assert max(map(len, bodies)) < 500_000


def test_far_out_a_shape_is_simplified_and_left_out_where_it_is_under_a_pixel(settings, tmp_path):
    with connect(settings, "worker", SYSTEM) as conn:
        fill(conn, 2)
    with engine(settings, "admin").connect() as conn:
        conn.exec_driver_sql(SHAPES)
        conn.commit()
    with connect(settings, "app", REGULATOR) as conn:
        for layer, name in DRAWN.items():
            for z in range(4, 9):
                # A province has a thousand, and its tile at most 500 kB.
                size = len(tile(conn, layer, *at(z, 12350000, 4240000), 1))
                assert 0 < size < 50_000, f"{layer} z{z}: {size}"
            # The yard is under a pixel at zoom 8, two pixels at zoom 9.
            seen = {
                z: set(read(tile(conn, layer, *at(z, 12290000, 4180000), 1), tmp_path, layer)[name])
                for z in (8, 9)
            }
            assert seen[8] >= seen[9] - {"yard"}, f"{layer}: something larger is gone"
            assert ("yard" in seen[8], "yard" in seen[9]) == (False, True), layer


def test_a_tile_says_which_polygons_are_too_small_for_an_outline(filled, tmp_path):
    # The squares are 141 m high in EPSG:3857: 4 pixels at zoom 11, 7 at zoom 12; a fault has
    # nothing but its line; and the deepest tile is drawn however near one comes.
    with engine(filled, "admin").connect() as conn:
        place = conn.execute(
            text(
                "SELECT ST_X(c) AS x, ST_Y(c) AS y FROM (SELECT ST_Centroid(geom_3857) AS c "
                "FROM minerisk.feature WHERE district = '140981' ORDER BY row_no LIMIT 1) f"
            )
        ).one()
        conn.execute(
            text(
                "INSERT INTO minerisk.feature (id, batch_id, object_id, survey_id, key, layer, "
                "row_no, attrs, raw, error_m, valid, geom, geom_3857, district) "
                "SELECT gen_random_uuid(), batch_id, gen_random_uuid(), survey_id, n, n, 0, '{}', "
                "'{}', 0, valid, geom, CASE n WHEN 'fault' THEN ST_ExteriorRing(geom_3857) ELSE "
                "ST_Buffer(ST_Centroid(geom_3857), 8) END, '140981' FROM (SELECT * FROM "
                "minerisk.feature WHERE district = '140981' ORDER BY row_no LIMIT 1) f, "
                "unnest(ARRAY['fault', 'collapse_column']) n"
            )
        )
        conn.commit()
    with connect(filled, "app", REGULATOR) as conn:
        small = {}
        for z in (11, 12, 14):
            frame = read(tile(conn, "factors", *at(z, place.x, place.y), 1), tmp_path, "factors")
            flags = frame["small"] if "small" in frame else [None] * len(frame)
            small[z] = {
                (layer, flag == 1) for layer, flag in zip(frame["layer"], flags, strict=True)
            }
    rest = {("fault", False)}
    assert small[11] == {("goaf", True), ("collapse_column", True)} | rest
    assert small[12] == {("goaf", False), ("collapse_column", True)} | rest
    assert small[14] == {("goaf", False), ("collapse_column", False)} | rest


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

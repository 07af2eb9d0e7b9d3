"""Random counties: after each upload, what was graded bit by bit is what a full run finds.

``scripts/counties`` runs as many as wanted; a seed tells a county whole.
"""

import os

import pytest
from sqlalchemy import text

from geo.store import audit, export
from geo.store.engine import SYSTEM, connect
from geo.store.grading import regrade
from geo.store.publish import publishing
from tests.conftest import TODAY
from tests.random_county import UPLOADS, County

pytestmark = [pytest.mark.database, pytest.mark.slow]
FIRST = int(os.environ.get("MINERISK_SEED", "0"))
COUNTIES = int(os.environ.get("MINERISK_COUNTIES", "25"))

# What a mine's page and the map show beside the state: newest for each mine, no number, no time.
SHOWN = """
SELECT DISTINCT ON (s.mine_code) s.mine_code, s.lines, s.coverage, s.summary,
  (SELECT array_agg(ST_AsHEXEWKB(g.geom) || g.kinds::text ORDER BY 1)
   FROM (SELECT geom, kinds FROM minerisk.unclear_ground u
         WHERE u.batch_id = s.batch_id AND u.mine_code = s.mine_code) g) AS ground
FROM minerisk.mine_state s ORDER BY s.mine_code, s.id DESC
"""
DERIVED = ("claim", "claim_end", "encounter", "encounter_end")


class _Undo(Exception):  # noqa: N818 -- it carries no error
    """Thrown to take a full run back."""


def seen(conn):
    shown = [dict(row) for row in conn.execute(text(SHOWN)).mappings()]
    counts = {n: conn.scalar(text(f"SELECT count(*) FROM minerisk.{n}")) for n in DERIVED}
    return list(export.export_state(conn, TODAY)), shown, counts


def full_run_finds_the_same(settings):
    """Grade every mine anew, hold the two against each other, and take it back."""
    with connect(settings, "worker", SYSTEM) as conn:
        before = seen(conn)
        try:
            with conn.begin_nested():
                with publishing(conn, SYSTEM, "regrade", TODAY) as made:
                    changes = regrade(made, None)
                assert (changes.claims_added, changes.claims_ended) == (0, 0)
                assert (changes.moves, changes.falls) == ([], [])
                for was, now in zip(before, seen(conn), strict=True):
                    assert now == was
                raise _Undo
        except _Undo:
            pass
    return before[0]


@pytest.mark.parametrize("seed", range(FIRST, FIRST + COUNTIES))
def test_a_random_county_bit_by_bit_is_what_a_full_run_finds(settings, people, tmp_path, seed):
    county = County(settings, people, tmp_path, seed)
    for done in county.uploads():
        print(f"seed {seed}, {done}")
        state = full_run_finds_the_same(settings)
    assert county.count == UPLOADS
    # Something was at stake: places met, claims made of them.
    assert any('"type":"encounter"' in line for line in state)
    assert any('"type":"claim"' in line for line in state)
    with connect(settings, "worker", SYSTEM) as conn:
        assert audit.verify(conn).fault is None

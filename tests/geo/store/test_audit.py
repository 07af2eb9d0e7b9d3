"""The chain finds what was changed behind its back, and where."""

import pytest
from sqlalchemy import text

from geo.store import audit
from geo.store.engine import SYSTEM, connect, engine

pytestmark = pytest.mark.database

TAMPERED = {
    "rows": "INSERT INTO minerisk.parameter (batch_id, name, value) "
    "SELECT id, 'surroundings_m', '1' FROM minerisk.batch WHERE seq = 2",
    "link": "UPDATE minerisk.batch SET actor_login = 'li' WHERE seq = 2",
    "order": "UPDATE minerisk.batch SET prev_hash = repeat('0', 64) WHERE seq = 2",
    "gap": "DELETE FROM minerisk.batch WHERE seq = 2",
}


def forge(settings, statement):
    """Do as somebody with the superuser's rights would."""
    with engine(settings, "admin").connect() as conn:
        conn.execute(text("SET session_replication_role = replica"))
        conn.execute(text(statement))
        conn.commit()


@pytest.mark.parametrize("fault", TAMPERED)
def test_each_way_of_tampering_is_told_apart_and_placed(settings, two_mines, fault):
    with connect(settings, "worker", SYSTEM) as conn:
        kept = audit.head(conn)
        whole = audit.verify(conn)
    assert (whole.links, whole.head, whole.fault) == (*kept, None)
    forge(settings, TAMPERED[fault])
    with connect(settings, "worker", SYSTEM) as conn:
        found = audit.verify(conn)
    # A missing link shows at the next one.
    assert (found.fault, found.broken_at) == (fault, 3 if fault == "gap" else 2)
    assert found.links == 1


def test_a_chain_forged_to_its_end_differs_from_the_head_kept_elsewhere(settings, two_mines):
    with connect(settings, "worker", SYSTEM) as conn:
        kept = audit.head(conn)
        conn.rollback()
    forge(settings, "DELETE FROM minerisk.batch WHERE seq = (SELECT max(seq) FROM minerisk.batch)")
    with connect(settings, "worker", SYSTEM) as conn:
        assert audit.verify(conn).fault is None
        assert audit.head(conn) != kept

"""A server that has come up answers its first visitor as it answers the tenth."""

import pytest

from api.warming import warm
from geo import clock
from geo.store import mine_queries, mines_kept
from geo.store.engine import connect, engine
from web.render import environment

pytestmark = pytest.mark.database


def test_the_first_map_of_a_bureau_is_reckoned_before_it_is_asked_for(
    settings, people, monkeypatch
):
    environment.cache_clear()
    warm(settings)
    # As many connections as are kept open have loaded what tiles need.
    assert engine(settings, "app").pool.checkedin() == 5
    assert "map.html" in {key[1] for key in environment().cache}
    # Nothing is reckoned anew for either regulator, and nothing was for anybody else.
    monkeypatch.setattr(mine_queries, "mines", None)
    for login in ("zhang", "li"):
        with connect(settings, "app", people[login]) as conn:
            mines_kept.mines(conn, clock.today())
    with (
        connect(settings, "app", people["zhao"]) as conn,
        pytest.raises(TypeError, match="NoneType"),
    ):
        mines_kept.mines(conn, clock.today())

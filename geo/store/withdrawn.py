"""The run that says no elevation model is left: no pond is judged by ground, and no zone stands."""

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import takewhile
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, select

from geo.store.batches import newest_seq
from geo.store.engine import SYSTEM
from geo.store.pond_facts import newest_ponds
from geo.store.publish import publishing
from geo.store.tables import HEAD_TOP_OUTCOMES, batch, head_top, terrain_run
from geo.store.terrain_states import in_order
from geo.survey.keys import content_key
from geo.tailings.county import reckoned_key


def newest_key(conn: Connection) -> str | None:
    """Return what the newest run depends on; None where there was none."""
    return conn.scalar(
        select(terrain_run.c.key)
        .join(batch, batch.c.id == terrain_run.c.batch_id)
        .order_by(batch.c.seq.desc())
        .limit(1)
    )


def withdrawn(conn: Connection, on: date) -> dict[str, Any] | None:
    """Say of every pond that it cannot be judged, once the last elevation model is withdrawn.

    Returns
    -------
    dict or None
        The run's summary; None where there was no run before, or where that one says so already.
    """
    if newest_key(conn) is None:
        return None
    with publishing(conn, SYSTEM, "head_top", on) as made:
        ponds = newest_ponds(conn, newest_seq(conn))
        key = content_key({"models": [], "ponds": sorted(str(p["key"]) for p in ponds.values())})
        if newest_key(conn) == key or in_order(conn, newest_seq(conn)):
            made.abandoned = True
            return None
        made.note["run"] = key
        districts = sorted(str(pond["district"]) for pond in ponds.values())
        verdicts = [_undetermined(pond, key, on) for _, pond in sorted(ponds.items())]
        summary = {
            "ponds": len(verdicts),
            "objects": 0,
            "zone_m2": 0.0,
            "undecided_m2": 0.0,
            "outcomes": {o: sum(v["outcome"] == o for v in verdicts) for o in HEAD_TOP_OUTCOMES},
            "models": [],
            "answers": [],
            "rules": reckoned_key(),
        }
        run = uuid4()
        row = {"id": run, "key": key, "terrain_id": None, "summary": summary, "owner_org": None}
        made.add(terrain_run, [{**row, "district": common(districts)}])
        made.add(head_top, ({**one, "run_id": run} for one in verdicts))
    return summary


def _undetermined(pond: Mapping[str, Any], key: str, on: date) -> dict[str, Any]:
    """Return the row of ``head_top`` of a pond whose ground no model shows."""
    nothing: dict[str, Any] = {
        "reasons": ["no_model"],
        "runs": 0,
        "share": None,
        "dam_is_newer": None,
        "snapped_m": 0.0,
        "path_m": None,
        "met": [],
        "people": 0,
        "people_unknown": 0,
        "profiles": [],
        "terrain": None,
        "rests_on": None,
    }
    return {
        "id": uuid4(),
        "key": content_key({"pond": pond["code"], "run": key}),
        "pond_code": pond["code"],
        "source": "computed",
        "outcome": "undetermined",
        "on_date": on,
        "evidence": nothing,
        "geom": None,
        "geom_3857": None,
        "district": pond["district"],
        "owner_org": pond["owner_org"],
    }


def common(districts: Sequence[str]) -> str:
    """Return the district that holds all of some; none where there are none."""
    if not districts:
        return ""
    # What the first and the last in order begin with, all do; a level of districts is two digits.
    pairs = zip(min(districts), max(districts), strict=False)
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    return districts[0][: same // 2 * 2]

"""Load the sample county through the doors users use, once."""

import json
import secrets
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import Connection, func, select

from geo.problems import Problem
from geo.settings import CHECKOUT, Settings
from geo.store import accounts, decisions, doubtful, intake
from geo.store.batches import newest_seq, states
from geo.store.engine import SYSTEM, Actor, connect
from geo.store.pond_events import record_event
from geo.store.pond_facts import event_rows, may_have_changed
from geo.store.secrets import write_private
from geo.store.tables import app_user, survey, terrain
from geo.survey.reading import ReadOptions

FOLDER = CHECKOUT / "sample_data"
# The states each file of the sample goes through after it is submitted.
STEPS = {
    "submit": ("submitted",),
    "accept": ("accepted",),
    "return": ("returned",),
    "revoke": ("accepted", "revoked"),
}
Told = Callable[[str, int, int], None]


def manifest(folder: Path = FOLDER) -> dict[str, Any]:
    """Return what the sample is and in which order it is filed."""
    return dict(yaml.safe_load((folder / "manifest.yaml").read_text("utf-8")))


def signins(settings: Settings) -> Path:
    """Return the file that holds the demo sign-ins, readable by its owner only."""
    return settings.local / "demo-signins.json"


def people(settings: Settings, plan: dict[str, Any]) -> None:
    """Make organisations, contracts and users with random passwords, if they are not there."""
    with connect(settings, "worker", SYSTEM) as conn:
        if conn.scalar(select(func.count()).select_from(app_user)):
            return
        orgs = {
            o["code"]: accounts.ensure_organisation(
                conn, o["code"], o["name"], o["kind"], o.get("district", "")
            )
            for o in plan["organisations"]
        }
        made = {}
        for user in plan["users"]:
            made[user["login"]] = secrets.token_urlsafe(9)
            accounts.create_user(
                conn,
                user["login"],
                made[user["login"]],
                name=user["name"],
                role=user["role"],
                org_id=orgs[user["org"]],
                district=user.get("district", ""),
            )
        for org, codes in plan["contracts"].items():
            for code in codes:
                accounts.add_contract(conn, orgs[org], code)
        write_private(signins(settings), json.dumps(made, indent=1))


def _actor(conn: Connection, login: str) -> Actor:
    return accounts.actor_of(conn, login)


def _file(settings: Settings, entry: dict[str, Any], reviewer: str, on: date) -> None:
    options = ReadOptions(**entry.get("options", {}))
    with connect(settings, "worker", SYSTEM) as conn:
        upload_id = intake.register_upload(
            conn,
            _actor(conn, entry["by"]),
            entry["file"],
            FOLDER / entry["file"],
            options,
            settings=settings,
            enqueue=False,
        )
    intake.process_upload(settings, upload_id)
    with connect(settings, "worker", SYSTEM) as conn:
        status = intake.upload_status(conn, upload_id) or {}
        if status["state"] == "failed":
            raise Problem(status["problem"]["code"], **status["problem"]["params"])
        survey_id = intake.submit(conn, _actor(conn, entry["by"]), upload_id, on=on)
    document, reason = entry.get("document", ""), entry.get("reason", "审核通过")
    for state in STEPS[entry["then"]]:
        with connect(settings, "worker", SYSTEM) as conn:
            regulator = _actor(conn, reviewer)
            now = states(conn, newest_seq(conn))[survey_id]
            if state == "accepted" and now == "submitted":
                decisions.accept(conn, regulator, survey_id, "审核通过", document, on=on)
            elif state == "revoked" and now == "accepted":
                decisions.revoke(conn, regulator, survey_id, reason, document, on=on)
            elif state == "returned" and now == "submitted":
                decisions.return_(conn, regulator, survey_id, reason, on=on)


def load(settings: Settings, on: date, told: Told = lambda *_: None) -> bool:
    """Load the sample; False where something was filed before, so that nothing is loaded twice.

    Parameters
    ----------
    settings : Settings
        Names the database.
    on : date
        Today.
    told : callable
        Called with (file, done, total) before each file.
    """
    plan = manifest()
    people(settings, plan)
    with connect(settings, "worker", SYSTEM) as conn:
        by_id = states(conn, newest_seq(conn))
        found = conn.execute(select(survey.c.filename, survey.c.id)).all()
        filed = {(row.filename, by_id[row.id]) for row in found}
    reviewer, second = [u["login"] for u in plan["users"] if u["role"] == "regulator"][:2]
    todo = [
        entry for entry in plan["files"] if (entry["file"], STEPS[entry["then"]][-1]) not in filed
    ]
    for done, entry in enumerate(todo):
        told(entry["file"], done, len(todo))
        _file(settings, entry, reviewer, on)
    _claims(settings, plan["claims"], reviewer, on)
    _measures(settings, plan["measures"], on)
    _events(settings, plan["pond_events"], reviewer, second, on)
    _terrain(settings, plan["terrain"], reviewer, on)
    return bool(todo)


def _terrain(settings: Settings, said: dict[str, Any], reviewer: str, on: date) -> None:
    with connect(settings, "worker", SYSTEM) as conn:
        if not may_have_changed(conn, on):
            return
    # The terrain's compiler is slow to load, and a second start needs none of it.
    from geo.store.head_top_runs import compute
    from geo.store.terrains import take_dem
    from geo.tailings.model import Stated

    stated = Stated(said["source"], said["dated"], said["error_m"])
    with connect(settings, "worker", SYSTEM) as conn:
        # Once only: taken again it would stand before the models people brought meanwhile, or bring
        # back what was revoked.
        if conn.scalar(select(terrain.c.id).where(terrain.c.filename == said["file"])) is None:
            take_dem(conn, settings, _actor(conn, reviewer), [FOLDER / said["file"]], stated, on)
    compute(settings, on)


def _events(
    settings: Settings, said: list[dict[str, Any]], reviewer: str, second: str, on: date
) -> None:
    with connect(settings, "worker", SYSTEM) as conn:
        known = {(r.pond_code, r.on_date, r.kind) for r in event_rows(conn, newest_seq(conn))}
    for one in said:
        if (one["pond"], one["day"], one["kind"]) in known:
            continue
        with connect(settings, "worker", SYSTEM) as conn:
            told = record_event(
                conn,
                _actor(conn, reviewer),
                one["pond"],
                one["kind"],
                one["day"],
                detail=one.get("detail", ""),
                document=one.get("document", ""),
                on=on,
            )
            if told["state"] == "needs_second":
                decisions.settle(conn, _actor(conn, second), told["proposal"], True, on=on)


def _measures(settings: Settings, said: list[dict[str, Any]], on: date) -> None:
    for one in said:
        with connect(settings, "worker", SYSTEM) as conn:
            for row in doubtful.doubtful(conn, "unclear", newest_seq(conn)):
                # Not again where somebody planned otherwise since, or made the factor clear.
                if row["measures"] or (row["mine_code"], row["object"]) != (
                    one["mine"],
                    one["factor"],
                ):
                    continue
                by, how = _actor(conn, one["by"]), (one["measures"], one["responsible"], one["due"])
                doubtful.plan_measures(conn, by, one["mine"], row["factor_key"], *how, on=on)


def _claims(settings: Settings, said: list[dict[str, Any]], reviewer: str, on: date) -> None:
    for one in said:
        try:
            with connect(settings, "worker", SYSTEM) as conn:
                decisions.assert_claim(
                    conn,
                    _actor(conn, reviewer),
                    one["mine"],
                    one["hazard"],
                    one["grade"],
                    one["source"],
                    one["document"],
                    one["valid_from"],
                    valid_to=one.get("valid_to"),
                    on=on,
                )
        except Problem as problem:
            if problem.code != "store.said_before":
                raise

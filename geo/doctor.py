"""What `minerisk doctor` looks at: database, rules, raw files, chain, confinement of the reader."""

from typing import Any

from sqlalchemy import Connection, select, text

from geo.problems import Problem
from geo.settings import Settings
from geo.store import audit, intake, objections, papers, rawfiles, rule_sets, terrain_files
from geo.store.engine import SYSTEM, connect
from geo.store.service import privileges
from geo.store.tables import survey, upload
from geo.survey.reading.parent import confinement


def _finding(good: bool, code: str, **params: Any) -> dict[str, Any]:
    return {"good": good, "code": code, "params": params}


def _database(conn: Connection) -> dict[str, Any]:
    number = conn.scalar(text("SHOW server_version"))
    return _finding(
        True,
        "doctor.database",
        postgresql=number,
        postgis=conn.scalar(text("SELECT PostGIS_Lib_Version()")),
    )


def _rules(conn: Connection) -> list[dict[str, Any]]:
    """Return what is in force, and whether the files say otherwise or do not hold together."""
    try:
        waits = rule_sets.waiting(conn)
        found = rule_sets.in_force(conn)
    except Problem as problem:
        return [_finding(False, problem.code, **problem.params)]
    unverified = sum(not rule.verified for rule in found.rules)
    told = [_finding(True, "doctor.rules", rules=len(found.rules), unverified=unverified)]
    if waits is not None:
        told.append(_finding(True, "rules.waits", version=waits.version[:12]))
    return told


def _files(conn: Connection, settings: Settings, mend: bool) -> list[dict[str, Any]]:
    named = set(conn.scalars(select(survey.c.sha256))) | objections.kept_digests(conn)
    named |= terrain_files.kept_digests(conn)
    named |= papers.kept_digests(conn)
    lost = rawfiles.missing(settings, named)
    found = [_finding(not lost, "doctor.files", kept=len(named) - len(lost), lost=len(lost))]
    if mend:
        swept = rawfiles.sweep(settings, named | set(conn.scalars(select(upload.c.sha256))))
        again = intake.sweep(conn)
        found.append(_finding(True, "doctor.swept", files=len(swept), jobs=len(again)))
    return found


def examine(settings: Settings, *, mend: bool = False) -> list[dict[str, Any]]:
    """Return one finding per thing looked at: good, code and params of its sentence."""
    with connect(settings, "worker", SYSTEM) as conn:
        found = [_database(conn), *_rules(conn), *_files(conn, settings, mend)]
        chain = audit.verify(conn)
    found.append(_finding(chain.fault is None, "doctor.chain", links=chain.links))
    found += [_finding(good, f"doctor.{name}") for name, good in confinement().items()]
    found.append(_finding(True, f"doctor.server.{privileges(settings)}"))
    return found

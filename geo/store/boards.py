"""The boards of a reader: what waits for somebody, each a list, read as the application's role."""

from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, text

from geo import clock
from geo.store import batches, mine_queries, pond_queries, survey_queries
from geo.store.doubtful import doubtful
from geo.store.rule_sets import telling
from geo.store.standing import claims_holding
from geo.store.works import accepted_works
from geo.survey import boards as pure
from geo.survey.coverage import states
from geo.survey.why import sentence
from geo.tailings.board import plan_counts

# Workings whose last day is past, of surveys that stand; a key comes with every version.
_WORKED_OUT = text(
    """
    SELECT DISTINCT f.key, f.attrs ->> 'end' AS until FROM minerisk.feature f
    JOIN minerisk.survey_states((SELECT COALESCE(max(seq), 0) FROM minerisk.batch)) s
        USING (survey_id)
    WHERE f.layer = 'plan_item' AND s.state = 'accepted' AND f.attrs ->> 'end' < CAST(:on AS text)
      AND f.id NOT IN (SELECT minerisk.replaced(
          (SELECT COALESCE(max(seq), 0) FROM minerisk.batch)))
    """
)
_COVERAGE = text(
    """
    SELECT DISTINCT ON (m.mine_code) m.mine_code, m.coverage FROM minerisk.mine_state m
    JOIN minerisk.batch b ON b.id = m.batch_id
    WHERE b.seq <= :known ORDER BY m.mine_code, b.seq DESC
    """
)
# The states written in a span, and the last one before it, oldest first.
_WEEK = text(
    """
    SELECT m.mine_code, m.lines, b.seq, b.kind, b.actor_login, b.recorded_at
    FROM minerisk.mine_state m JOIN minerisk.batch b ON b.id = m.batch_id
    WHERE b.seq <= :known AND b.recorded_at <= :until AND (b.recorded_at >= :since OR b.seq = (
        SELECT max(o.seq) FROM minerisk.mine_state p JOIN minerisk.batch o ON o.id = p.batch_id
        WHERE p.mine_code = m.mine_code AND o.recorded_at < :since AND o.seq <= :known))
    ORDER BY b.seq, m.id
    """
)


# Who has boards: a survey unit reads no grades.
READERS = ("regulator", "administrator", "enterprise")
# The lists of a reader's boards, in the order they are read.
LISTS = (
    *("advance", "unclear", "unsurveyed", "inferred", "unresolved", "supply", "appraisal"),
    *("hat", "lapse", "late", "week", "plan"),
)


class Boards:
    """The boards of one reader on one day; each is read once, when it is asked for."""

    def __init__(self, conn: Connection, on: date, known_at: datetime | date | None = None) -> None:
        self.conn, self.on, self.known_at = conn, on, known_at
        self.seq = batches.seq_at(conn, known_at)

    @cached_property
    def mines(self) -> list[dict[str, Any]]:
        """The mines one may see, with their lines."""
        return mine_queries.mines(self.conn, self.on, self.known_at)

    @cached_property
    def claims(self) -> Any:
        """The claims that hold."""
        return claims_holding(self.conn, None, self.seq, self.on)

    def _named(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return rows with the mine's name, and the sentence of the claim they rest on."""
        names = {mine["code"]: mine["name"] for mine in self.mines}
        by_key = {claim.key: claim for claim in self.claims.itertuples()}
        rules = telling(self.conn, self.seq)
        for row in rows:
            row["mine_name"] = names.get(row["mine_code"], row["mine_code"])
            claim = by_key.get(row.get("claim", ""))
            if claim is not None:
                row["why"] = {lang: sentence(claim, rules, lang) for lang in ("zh", "en")}
        return rows

    @cached_property
    def appraisal(self) -> list[dict[str, Any]]:
        """What must be appraised and is not."""
        return self._named(
            pure.not_appraised(self.claims, self.on, telling(self.conn, self.seq).appraisals)
        )

    @cached_property
    def hat(self) -> list[dict[str, Any]]:
        """What is determined lower than its floor."""
        return self._named(pure.graded_too_low(self.claims, self.on))

    @cached_property
    def lapse(self) -> list[dict[str, Any]]:
        """What would fall by itself, and stands."""
        found = self.conn.execute(_WORKED_OUT, {"on": self.on})
        gone = {row.key: date.fromisoformat(row.until) for row in found}
        done = pure.treated(self.claims, *accepted_works(self.conn, self.seq, self.on))
        return self._named(pure.lapse_proposed(self.claims, gone, self.on, done))

    @cached_property
    def unclear(self) -> list[dict[str, Any]]:
        """Where nobody looked or what was found is not resolved, per mine: the widest first."""
        rows = []
        least = telling(self.conn, self.seq).parameters.coverage_tolerance_m2.value
        for row in self.conn.execute(_COVERAGE, {"known": self.seq}):
            bad = [
                c
                for c in row.coverage
                if c["extent"] == "footprint"
                and (c["state"] != "clear" or c["plan_status"] != "ok")
            ]
            last = max((c["horizon"] for c in bad), default=0)
            open_kinds = [c for c in bad if c["horizon"] == last]
            if open_kinds:
                rows.append(
                    {
                        "mine_code": row.mine_code,
                        "kinds": sorted({c["kind"] for c in open_kinds}),
                        "states": sorted({s for c in open_kinds for s in states(c, least)}),
                        "area_m2": max(c["area_m2"] - c["covered_m2"] for c in open_kinds),
                        "share": min(c["share"] or 0.0 for c in open_kinds),
                        "plan_status": open_kinds[0]["plan_status"],
                    }
                )
        rows.sort(key=lambda r: (-r["area_m2"], r["mine_code"]))
        return self._named(rows)

    @cached_property
    def unsurveyed(self) -> list[dict[str, Any]]:
        """Ground nobody surveyed, by factor kind and seam: to be surveyed (L9)."""
        found = self.conn.execute(_COVERAGE, {"known": self.seq})
        least = telling(self.conn, self.seq).parameters.coverage_tolerance_m2.value
        rows = pure.uncovered({row.mine_code: row.coverage for row in found}, least)
        return self._named(rows)

    @cached_property
    def inferred(self) -> list[dict[str, Any]]:
        """Factors inferred: to be verified (L9)."""
        return self._named(doubtful(self.conn, "inferred", self.seq))

    @cached_property
    def unresolved(self) -> list[dict[str, Any]]:
        """Factors unclear: to be resolved at once, each with its measure plan (L9)."""
        return self._named(doubtful(self.conn, "unclear", self.seq))

    @cached_property
    def supply(self) -> list[dict[str, Any]]:
        """Attributes that rules lack: to be supplied (L9)."""
        return self._named(pure.supply(self.claims, self.on))

    @cached_property
    def advance(self) -> list[dict[str, Any]]:
        """Who advances into the unclear (L13)."""
        return mine_queries.advance(self.conn, self.on, self.known_at)

    @cached_property
    def late(self) -> list[dict[str, Any]]:
        """What is late: working in unclear ground, not appraised, out of date, to be done again."""
        rows: list[dict[str, Any]] = [
            {"what": "under_way", "days": -r["days"], "since": r["starts"], **_of(r)}
            # A working that reaches several things is late once.
            for r in {r["item_key"]: r for r in self.advance}.values()
            if r["starts"] and r["days"] < 0
        ]
        rows += [
            {"what": "appraisal", "days": r["days"], "since": r["since"], **_of(r)}
            for r in self.appraisal
        ]
        rows += [
            {"what": "overdue", "days": r["days"], "since": r["until"], **_of(r)}
            for r in self.lapse
            if r["reason"] == "overdue"
        ]
        rows += [
            {"what": "measure", "days": (self.on - r["by_when"]).days, "since": r["by_when"]}
            | _of({**r, "name": r["object"]})
            for r in self.unresolved
            if r["by_when"] and r["by_when"] < self.on
        ]
        for one in survey_queries.redo(self.conn):
            redo = {"what": "redo", "days": None, "since": None, "mine_code": ""}
            rows.append({**redo, "name": one["filename"], "survey_id": str(one["id"])})
        rows.sort(key=lambda r: (-(r["days"] if r["days"] is not None else -1), r["mine_code"]))
        return self._named(rows)

    @cached_property
    def week(self) -> list[dict[str, Any]]:
        """What changed in the seven days up to the end of the day asked about, newest first."""
        end = datetime.combine(self.on, time.max, clock.HERE)
        if self.on >= clock.today():
            end = max(end, clock.now())
        asked = {"known": self.seq, "since": end - timedelta(days=7), "until": end}
        before: dict[str, dict[str, Any]] = {}
        rows: list[dict[str, Any]] = []
        for row in self.conn.execute(_WEEK, asked):
            after = {line["hazard"]: line["effective"] for line in row.lines}
            was = before.get(row.mine_code)
            before[row.mine_code] = after
            if row.recorded_at < asked["since"]:
                continue
            rows += [
                {
                    "at": row.recorded_at,
                    "kind": row.kind,
                    "by": row.actor_login,
                    "mine_code": row.mine_code,
                    "hazard": hazard,
                    "before": (was or {}).get(hazard),
                    "after": grade,
                }
                for hazard, grade in after.items()
                if (was or {}).get(hazard) != grade
            ]
        return self._named(rows[::-1])

    @cached_property
    def plan(self) -> list[dict[str, Any]]:
        """The dates of the plan, and how far each is."""
        open_mines = {row["mine_code"] for row in self.unclear}
        of = len(self.mines)
        counts = {"survey": (of - len(open_mines), of)}
        counts |= plan_counts(pond_queries.ponds(self.conn, self.on, self.known_at))
        return pure.progress(pure.plan_dates(self.on), counts, self.on)


def _of(row: dict[str, Any]) -> dict[str, Any]:
    """Return whose a late row is, and what it concerns."""
    return {
        "mine_code": row["mine_code"],
        "hazard": row.get("hazard"),
        "name": row.get("name"),
        "claim": row.get("claim", ""),
    }

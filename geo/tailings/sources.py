"""Whether a pond is head-top (头顶库), by all that is said of it (LOGIC L23).

Official list, safety evaluation, computation, site check and decision stand side by side. Yes
prevails over no; the computer never strikes a pond off a list; a suspicion counts as head-top until
somebody went there since and signed that it is none.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

SOURCES = ("decision", "official_list", "evaluation", "site_check", "computed")
UNDETERMINED = "undetermined"


@dataclass(frozen=True)
class Said:
    """What one source says: ``yes``, ``suspected`` or ``no``, since when, by which document.

    `rests_on` is the day of the newest thing a suspicion rests on: a model, a dam, a house.
    """

    source: str
    outcome: str
    on: date
    document: str = ""
    rests_on: date | None = None


@dataclass(frozen=True)
class Verdict:
    """What holds: yes, suspected, no or undetermined; and the sources it rests on."""

    outcome: str
    by: tuple[str, ...]

    @property
    def counts(self) -> bool:
        """Return whether the pond is treated as head-top."""
        return self.outcome in ("yes", "suspected")


def head_top_of(said: Iterable[Said]) -> Verdict:
    """Return what holds of a pond by all sources.

    Parameters
    ----------
    said : iterable of Said
        In any order; of each source its newest word counts.
    """
    newest: dict[str, Said] = {}
    for one in sorted(said, key=lambda s: (s.on, s.outcome, s.document)):
        newest[one.source] = one
    by = {outcome: _of(newest, outcome) for outcome in ("yes", "suspected", "no")}
    if by["yes"]:
        return Verdict("yes", by["yes"])
    check = newest.get("site_check")
    if by["suspected"] and check is not None and check.outcome == "no" and check.document:
        suspected = [newest[source] for source in by["suspected"]]
        # Who went there before has not seen what the suspicion rests on.
        if all(check.on >= max(one.on, one.rests_on or one.on) for one in suspected):
            return Verdict("no", ("site_check",))
    for outcome in ("suspected", "no"):
        if by[outcome]:
            return Verdict(outcome, by[outcome])
    return Verdict(UNDETERMINED, ())


def _of(newest: dict[str, Said], outcome: str) -> tuple[str, ...]:
    return tuple(s for s in SOURCES if s in newest and newest[s].outcome == outcome)

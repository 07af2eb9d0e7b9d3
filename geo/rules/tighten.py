"""Whether a county's rule is at least as strict as the national rule it stands for.

Conditions are steps: between two neighbouring limits nothing changes. So trying each limit of both
rules, the points between them and "missing" tries every case there is, and the answer is exact.
"""

import itertools
from collections.abc import Callable, Collection, Iterator
from datetime import date
from typing import TYPE_CHECKING, Any

from geo.hazards import hazards
from geo.rules.conditions import Compare, comparisons
from geo.survey.layers import NotClear, not_clear

if TYPE_CHECKING:
    from geo.rules.catalogue import Row, Rule

_MOST_CASES = 200_000
_NUMERIC = ("lt", "le", "gt", "ge")
_ALWAYS = date.min


def cases(*rules: "Rule") -> Iterator[dict[str, Any]]:
    """Yield values of the rules' attributes such that every case of their conditions is met once.

    Raises
    ------
    ValueError
        If there are too many cases to try.
    """
    asked: dict[str, list[Compare]] = {}
    for rule in rules:
        for row in rule.rows:
            for one in comparisons(row.when):
                asked.setdefault(one.attr, []).append(one)
    choices = {
        attr: values_of(found, _vague(rules[0].applies.factor, attr))
        for attr, found in sorted(asked.items())
    }
    count = 1
    for values in choices.values():
        count *= len(values)
    if count > _MOST_CASES:
        raise ValueError(f"{count} cases are too many to compare")
    for chosen in itertools.product(*choices.values()):
        yield dict(zip(choices, chosen, strict=True))


def _vague(factor: str, attr: str) -> tuple[str, ...]:
    bare = attr.removeprefix("mine.")
    return not_clear("mine_boundary" if bare != attr else factor, bare)


def values_of(found: list[Compare], vague: Collection[str] = ()) -> list[Any]:
    """Return the values of one attribute that tell apart all that comparisons say of it.

    Parameters
    ----------
    found : list of Compare
    vague : collection of str
        The words of this attribute that say nobody knows.
    """
    limits = sorted(
        {getattr(c, op) for c in found for op in _NUMERIC if getattr(c, op) is not None}
    )
    values: list[Any] = [None]
    if limits:
        middles = [(a + b) / 2 for a, b in itertools.pairwise(limits)]
        values += [limits[0] - 1, *limits, *middles, limits[-1] + 1]
    words = {v for c in found for v in (*(c.in_ or ()), c.eq, c.ne) if v is not None}
    if any(c.known is not None for c in found):
        vague = {"unknown", *vague}
        words |= {*vague} if limits else {*vague, 1.0}
    if any(isinstance(word, bool) for word in words):
        words |= {True, False}
    elif words:
        words |= {"another word"}
    marked = [NotClear(word) if word in vague else word for word in words]
    return values + sorted(marked, key=repr)


def looser(national: "Rule", county: "Rule") -> list[str]:
    """Return in what a county's rule would loosen the national one; nothing where it does not."""
    faults = []
    old, new = national.applies, county.applies
    if (old.hazard, old.factor) != (new.hazard, new.factor):
        faults.append("must keep hazard and factor of the national rule")
    if not set(old.kinds) <= set(new.kinds):
        faults.append("would leave out kinds of mines")
    if county.extent != national.extent or (national.surroundings and not county.surroundings):
        faults.append("must keep the extent of the national rule, and its surroundings")
    if (county.in_force_from or _ALWAYS) > (national.in_force_from or _ALWAYS):
        faults.append("would come into force later")
    if county.in_force_to is not None and (
        national.in_force_to is None or county.in_force_to < national.in_force_to
    ):
        faults.append("would end earlier")
    if faults:
        return faults
    try:
        tried = list(cases(national, county))
    except ValueError as error:
        return [f"cannot be compared with the national rule ({error}); add it under a new id"]
    rank = hazards()[national.applies.hazard].rank
    for values in tried:
        (before, asked), (after, asks) = _said(national, values), _said(county, values)
        kept = _keeps(before, after, rank)
        # What is missing could bring any row of the national rule.
        if asked and not asks:
            kept = kept and all(_keeps(row, after, rank) for row in national.rows)
        if not kept:
            said = ", ".join(f"{name} = {value}" for name, value in values.items())
            return [f"would loosen the national rule: for {said}"]
    return []


def _said(rule: "Rule", values: dict[str, Any]) -> tuple["Row | None", bool]:
    """Return the row that decides one case, and whether the rule says that something is missing."""
    open_ = False
    for row in rule.rows:
        verdict = row.when.evaluate(values)
        if verdict.value is True:
            return row, open_ and rule.missing == "undetermined"
        open_ = open_ or verdict.value is None
    return None, open_ and rule.missing != "silent"


def _keeps(old: "Row | None", new: "Row | None", rank: Callable[[str], int]) -> bool:
    """Tell whether a county's row says at least what the national one does.

    A floor stays a floor: interim management ends by its own condition. A duty and a precaution ask
    for different things, and a grade asks for neither (L4): each stays what it is.
    """
    if old is None:
        return True
    if new is None:
        return False
    if old.outcome == "question":
        return True
    if old.grade is None:
        return new.outcome == old.outcome and new.appraise >= old.appraise
    if new.grade is None or rank(new.grade) < rank(old.grade):
        return False
    return old.outcome == "manage_as" or new.outcome == "grade_floor"

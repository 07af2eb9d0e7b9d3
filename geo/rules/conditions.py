"""The closed vocabulary in which a rule states its condition, and its three-valued evaluation.

A condition is true, false or unknown. Unknown names the attributes it lacked: a missing attribute
never makes a condition false (L5), and a cell that says nobody knows (不清) is as missing as an
empty one: only a condition that names that very word holds by it (L9). Values may be ranges
("70-80", ">80"), read as ``{"low": 70, "high": 80, "raw": "70-80"}``; a comparison with a range is
true or false only where the whole range agrees.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Tag,
    model_validator,
)

from geo.survey.layers import NotClear

Scalar = bool | float | str
COMPARISONS = ("lt", "le", "gt", "ge", "eq", "ne", "in", "known", "missing")


@dataclass(frozen=True)
class Verdict:
    """Outcome of a condition: `value` is None where unknown, for lack of `missing`."""

    value: bool | None
    missing: frozenset[str] = frozenset()


TRUE, FALSE = Verdict(True), Verdict(False)


class _Node(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True, frozen=True)


class Compare(_Node):
    """Compare one attribute with a value: exactly one of the comparisons is given."""

    attr: str
    lt: float | None = None
    le: float | None = None
    gt: float | None = None
    ge: float | None = None
    eq: Scalar | None = None
    ne: Scalar | None = None
    in_: Annotated[tuple[Scalar, ...] | None, BeforeValidator(lambda v: v and tuple(v))] = None
    known: bool | None = None
    missing: bool | None = None

    @model_validator(mode="before")
    @classmethod
    def _rename(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and "in" in data:
            return {("in_" if key == "in" else key): value for key, value in data.items()}
        return data

    @model_validator(mode="after")
    def _one(self) -> "Compare":
        given = [op for op in COMPARISONS if getattr(self, op if op != "in" else "in_") is not None]
        if len(given) != 1:
            raise ValueError(f"one comparison wanted for {self.attr}, found {given or 'none'}")
        return self

    def evaluate(self, values: Mapping[str, Any]) -> Verdict:
        """Return the verdict on `values`."""
        value = values.get(self.attr)
        absent = value is None or (isinstance(value, float) and math.isnan(value))
        vague = not absent and _is_vague(value)
        if self.missing is not None:
            return Verdict((absent or vague) == self.missing)
        if absent:
            return Verdict(None, frozenset({self.attr}))
        if self.known is not None:
            return Verdict(vague != self.known)
        if vague and value not in (self.eq, self.ne, *(self.in_ or ())):
            return Verdict(None, frozenset({self.attr}))
        verdict = self._compare(value)
        return Verdict(verdict, frozenset() if verdict is not None else frozenset({self.attr}))

    def _compare(self, value: Any) -> bool | None:
        if self.in_ is not None:
            return value in self.in_
        if self.eq is not None:
            return bool(value == self.eq)
        if self.ne is not None:
            return bool(value != self.ne)
        bounds = _bounds(value)
        if bounds is None:
            return None
        low, high = bounds
        if self.lt is not None:
            return _whole(low < self.lt, high < self.lt)
        if self.le is not None:
            return _whole(low <= self.le, high <= self.le)
        if self.gt is not None:
            return _whole(low > self.gt, high > self.gt)
        limit = math.inf if self.ge is None else self.ge
        return _whole(low >= limit, high >= limit)


def _whole(at_low: bool, at_high: bool) -> bool | None:
    return at_low if at_low == at_high else None


def _bounds(value: Any) -> tuple[float, float] | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value), float(value)
    if isinstance(value, Mapping):
        low, high = value.get("low"), value.get("high")
        if low is None and high is None:
            return None
        return (-math.inf if low is None else float(low), math.inf if high is None else float(high))
    return None


def _is_vague(value: Any) -> bool:
    """Tell whether a cell says only that nobody knows, as 不清 does, for a word or a figure."""
    if isinstance(value, Mapping):
        return _bounds(value) is None
    return isinstance(value, NotClear)


class All(_Node):
    """True where every part is."""

    all: tuple["Condition", ...]

    def evaluate(self, values: Mapping[str, Any]) -> Verdict:
        """Return the verdict on `values`."""
        found = [part.evaluate(values) for part in self.all]
        if any(v.value is False for v in found):
            return FALSE
        return _unknown_of(found) or TRUE


class AnyOf(_Node):
    """True where some part is."""

    any: tuple["Condition", ...]

    def evaluate(self, values: Mapping[str, Any]) -> Verdict:
        """Return the verdict on `values`."""
        found = [part.evaluate(values) for part in self.any]
        if any(v.value is True for v in found):
            return TRUE
        return _unknown_of(found) or FALSE


class Not(_Node):
    """The opposite of its part; unknown stays unknown."""

    not_: "Condition"

    @model_validator(mode="before")
    @classmethod
    def _rename(cls, data: Any) -> Any:
        return {"not_": data["not"]} if isinstance(data, Mapping) and set(data) == {"not"} else data

    def evaluate(self, values: Mapping[str, Any]) -> Verdict:
        """Return the verdict on `values`."""
        found = self.not_.evaluate(values)
        return found if found.value is None else Verdict(not found.value)


def _unknown_of(found: list[Verdict]) -> Verdict | None:
    unknown = [v.missing for v in found if v.value is None]
    return Verdict(None, frozenset().union(*unknown)) if unknown else None


def _sort_of(value: Any) -> str:
    """Tell by its words which kind of condition is meant, so that an error speaks of that one."""
    for word, kind in (("all", All), ("any", AnyOf), ("not", Not), ("not_", Not)):
        if isinstance(value, kind) or (isinstance(value, Mapping) and word in value):
            return word.rstrip("_")
    return "compare"


Condition = Annotated[
    Annotated[Compare, Tag("compare")]
    | Annotated[All, Tag("all")]
    | Annotated[AnyOf, Tag("any")]
    | Annotated[Not, Tag("not")],
    Discriminator(_sort_of),
]


def comparisons(condition: Any) -> Iterator[Compare]:
    """Yield every comparison a condition is made of."""
    if isinstance(condition, Compare):
        yield condition
    elif isinstance(condition, Not):
        yield from comparisons(condition.not_)
    else:
        for part in condition.all if isinstance(condition, All) else condition.any:
            yield from comparisons(part)


All.model_rebuild()
AnyOf.model_rebuild()
Not.model_rebuild()

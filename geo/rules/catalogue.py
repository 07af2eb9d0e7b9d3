"""Read the rule catalogue and check it; an error names the file and the line."""

import hashlib
import json
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from geo.hazards import hazards
from geo.rules.conditions import Condition

DATA = Path(__file__).with_name("data")

Outcome = Literal["grade_floor", "manage_as", "duty", "precaution", "question"]
MineKind = Literal["coal", "metal_underground", "open_pit"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Text(_Strict):
    """A sentence in both languages."""

    zh: str
    en: str


class Applies(_Strict):
    """What a rule looks at: mine kinds, the hazard it grades, and a factor layer or the mine."""

    kinds: tuple[MineKind, ...]
    hazard: str
    factor: str


class Row(_Strict):
    """One row of a rule's table: a condition and what follows from it."""

    when: Condition
    outcome: Outcome
    grade: str | None = None
    until: Text | None = None


class Rule(_Strict):
    """A rule with its source. `rows` stand from high to low: the first true one wins."""

    id: str
    applies: Applies
    extent: Literal["field", "footprint", "working", "mine"]
    surroundings: bool = True
    rows: tuple[Row, ...]
    standard: str
    clause: str | None
    in_force_from: date | None
    in_force_to: date | None = None
    superseded_by: str | None = None
    verified: bool
    note: str = ""
    message: Text

    @model_validator(mode="after")
    def _grades_exist(self) -> Self:
        hazard = hazards().get(self.applies.hazard)
        if hazard is None:
            raise ValueError(f"no hazard {self.applies.hazard}")
        for row in self.rows:
            graded = row.outcome in ("grade_floor", "manage_as")
            if graded != (row.grade is not None):
                raise ValueError(f"{row.outcome} {'needs' if graded else 'takes no'} grade")
            if row.grade is not None and row.grade not in hazard.grades:
                raise ValueError(f"{hazard.code} has no grade {row.grade}")
            if row.outcome == "manage_as" and row.until is None:
                raise ValueError("manage_as needs its end condition, `until`")
        if self.clause is None and self.verified:
            raise ValueError("a rule without a clause cannot be verified")
        if self.extent == "mine" and self.applies.factor != "mine":
            raise ValueError("extent `mine` goes with factor `mine`")
        return self


class Parameter(_Strict):
    """A figure that a county may tighten, with its source."""

    value: float
    unit: str
    standard: str
    clause: str | None = None
    verified: bool
    label: Text


class Parameters(_Strict):
    """The figures of the catalogue that are not part of one rule."""

    surroundings_m: Parameter
    horizon_years: Parameter
    boundary_pillar_m: Parameter
    search_line_m: Parameter
    coverage_tolerance_m2: Parameter


class Rules(_Strict):
    """A rule set: what `derive` is given."""

    rules: tuple[Rule, ...]
    parameters: Parameters

    @property
    def version(self) -> str:
        """Return the SHA-256 of the rules' content, in canonical form."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def for_factor(self, layer: str, kind: str) -> tuple[Rule, ...]:
        """Return the rules that look at `layer` in mines of `kind`."""
        return tuple(r for r in self.rules if r.applies.factor == layer and kind in r.applies.kinds)

    def one(self, rule_id: str) -> Rule:
        """Return the rule named `rule_id`; KeyError if there is none."""
        for rule in self.rules:
            if rule.id == rule_id:
                return rule
        raise KeyError(rule_id)

    @property
    def reach_m(self) -> float:
        """Return the largest distance at which a factor can matter to a mine, m."""
        p = self.parameters
        return max(p.surroundings_m.value, p.boundary_pillar_m.value, p.search_line_m.value)


class CatalogueError(ValueError):
    """The catalogue does not hold together; the message lists each fault by file and line."""


def _read(path: Path) -> list[tuple[int, Any]]:
    """Return the entries of a YAML list with the line each starts on."""
    node = yaml.compose(path.read_text("utf-8"), Loader=yaml.SafeLoader)
    if not isinstance(node, yaml.SequenceNode):
        raise CatalogueError(f"{path.name}:1: a list of rules is wanted")
    values = yaml.safe_load(path.read_text("utf-8"))
    return [(n.start_mark.line + 1, v) for n, v in zip(node.value, values, strict=True)]


def load_rules(folder: Path = DATA) -> Rules:
    """Read every ``*.yaml`` in `folder`.

    Raises
    ------
    CatalogueError
        If a rule breaks the schema, stands twice, or names a successor that is not there.
    """
    faults: list[str] = []
    rules: dict[str, Rule] = {}
    for path in sorted(folder.glob("*.yaml")):
        if path.name == "parameters.yaml":
            continue
        for line, entry in _read(path):
            try:
                rule = Rule.model_validate(entry)
            except ValidationError as error:
                for fault in error.errors():
                    where = ".".join(str(part) for part in fault["loc"])
                    faults.append(f"{path.name}:{line}: {where}: {fault['msg']}")
                continue
            if rule.id in rules:
                faults.append(f"{path.name}:{line}: {rule.id} stands twice")
            rules[rule.id] = rule
    for rule in rules.values():
        if rule.superseded_by is not None and rule.superseded_by not in rules:
            faults.append(f"{rule.id}: superseded by {rule.superseded_by}, which is not there")
    if faults:
        raise CatalogueError("\n".join(faults))
    parameters = Parameters.model_validate(
        yaml.safe_load((folder / "parameters.yaml").read_text("utf-8"))
    )
    return Rules(rules=tuple(rules[i] for i in sorted(rules)), parameters=parameters)


@cache
def national_rules() -> Rules:
    """Return the catalogue that ships with the software."""
    return load_rules()

"""Read the rule catalogue and check it; an error names the file and the line."""

import hashlib
import json
from collections.abc import Sequence
from datetime import date
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from geo.hazards import hazards
from geo.rules.conditions import Condition, comparisons
from geo.rules.tighten import looser
from geo.settings import settings
from geo.survey.layers import factors, layers
from geo.survey.reckon import EFFECTIVE_TYPE, REACHED

DATA = Path(__file__).with_name("data")
_PARAMETERS = "parameters.yaml"
# Figures that say how far to look; the verdict is that of a rule with a limit of its own.
_COMPARED_BY = {"boundary_pillar_m": "hydro.boundary_pillar", "search_line_m": "hydro.search_line"}
# What a county sets of its ponds is no list of rules: ``geo.tailings.county`` reads it.
PONDS = "ponds.yaml"
# libyaml's reader is ten times as fast, where the wheel brings it.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Outcome = Literal["grade_floor", "manage_as", "duty", "precaution", "question"]
MineKind = Literal["coal", "metal_underground", "open_pit"]
Missing = Literal["undetermined", "question", "silent"]
# What every encounter has beside its factor's own attributes.
_MET = ("own", "verification", "margin_m", "overlap_m2", "same_seam", "drained")


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
    """One row of a rule's table: a condition and what follows from it.

    A duty may be one to have the hazard appraised or assessed (`appraise`), and says by `whom` and
    `by_when` it is due as far as its source does (L4): what a source does not give is not invented.
    """

    when: Condition
    outcome: Outcome
    grade: str | None = None
    until: Text | None = None
    appraise: bool = False
    whom: Text | None = None
    by_when: Text | None = None


class Rule(_Strict):
    """A rule with its source. `rows` stand from high to low: the first true one wins.

    `missing` says what follows where an attribute is not given: ``undetermined`` for a row of a
    table of grades (L5), ``question`` for a figure that must be supplied (L9), ``silent`` where the
    rule offers another way to a grade that stands elsewhere.
    """

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
    missing: Missing = "undetermined"
    note: str = ""
    message: Text

    @model_validator(mode="before")
    @classmethod
    def _duties_are_silent(cls, data: Any) -> Any:
        """Let a rule that gives no grade say nothing of what is missing, unless it asks."""
        if isinstance(data, dict) and "missing" not in data and isinstance(data.get("rows"), list):
            graded = any(isinstance(r, dict) and r.get("grade") is not None for r in data["rows"])
            return data if graded else {**data, "missing": "silent"}
        return data

    @cached_property
    def attrs(self) -> frozenset[str]:
        """Return the attributes that the rule compares."""
        return frozenset(one.attr for row in self.rows for one in comparisons(row.when))

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
            if row.outcome != "duty" and (row.appraise or row.whom or row.by_when):
                raise ValueError("only a duty takes appraise, whom and by_when")
            if row.outcome == "manage_as" and row.until is None:
                raise ValueError("manage_as needs its end condition, `until`")
        if EFFECTIVE_TYPE in self.attrs and any(row.grade is not None for row in self.rows):
            raise ValueError(f"a rule on {EFFECTIVE_TYPE} may not give a grade")
        if self.clause is None and self.verified:
            raise ValueError("a rule without a clause cannot be verified")
        if self.extent == "mine" and self.applies.factor != "mine":
            raise ValueError("extent `mine` goes with factor `mine`")
        known = attributes_of(self.applies.factor)
        if known is None:
            raise ValueError(f"no layer {self.applies.factor}")
        if lost := sorted(self.attrs - known):
            raise ValueError(f"{self.applies.factor} has no attribute {', '.join(lost)}")
        if not set(self.applies.kinds) & set(hazard.kinds):
            raise ValueError(f"{hazard.code} is no hazard of {', '.join(self.applies.kinds)}")
        return self


@cache
def attributes_of(factor: str) -> frozenset[str] | None:
    """Return the attributes a rule on `factor` may compare; None where there is no such layer."""
    mine = {f"mine.{name}" for name in layers()["mine_boundary"].fields} | set(REACHED[None])
    if factor == "mine":
        return frozenset(mine)
    if factor not in (*factors(), "mine_boundary"):
        return None
    return frozenset({*mine, *layers()[factor].fields, *REACHED.get(factor, ()), *_MET})


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
        """Return the SHA-256 of the rules' content, in canonical form: sorted by id."""
        content = self.model_dump(mode="json")
        content["rules"].sort(key=lambda rule: rule["id"])
        text = json.dumps(content, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    @cached_property
    def _by_factor(self) -> dict[tuple[str, str], tuple[Rule, ...]]:
        found: dict[tuple[str, str], list[Rule]] = {}
        for rule in self.rules:
            for kind in rule.applies.kinds:
                found.setdefault((rule.applies.factor, kind), []).append(rule)
        return {slot: tuple(rules) for slot, rules in found.items()}

    @cached_property
    def _by_id(self) -> dict[str, Rule]:
        return {rule.id: rule for rule in self.rules}

    def for_factor(self, layer: str, kind: str) -> tuple[Rule, ...]:
        """Return the rules that look at `layer` in mines of `kind`."""
        return self._by_factor.get((layer, kind), ())

    def one(self, rule_id: str) -> Rule:
        """Return the rule named `rule_id`; KeyError if there is none."""
        return self._by_id[rule_id]

    @cached_property
    def appraisals(self) -> frozenset[str]:
        """Return the rules whose duty is to have a hazard appraised, a county's own among them."""
        return frozenset(r.id for r in self.rules if any(row.appraise for row in r.rows))

    @property
    def reach_m(self) -> float:
        """Return the largest distance at which a factor can matter to a mine, m."""
        p = self.parameters
        return max(p.surroundings_m.value, p.boundary_pillar_m.value, p.search_line_m.value)


class CatalogueError(ValueError):
    """The catalogue does not hold together; the message lists each fault by file and line."""


def line_of(node: yaml.Node, where: Sequence[Any]) -> int:
    """Return the line of a fault: of the innermost part of the entry that its place names."""
    line = node.start_mark.line + 1
    for part in where:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            found = node.value[part] if part < len(node.value) else None
        elif isinstance(node, yaml.MappingNode):
            found = next((v for k, v in node.value if k.value == str(part)), None)
            if found is None and part in ("compare", "all", "any", "not"):
                continue  # the kind of a condition, not a place
        else:
            break
        if found is None:
            break
        node, line = found, found.start_mark.line + 1
    return line


def composed(path: Path, faults: list[str]) -> tuple[yaml.Node | None, Any]:
    """Return the nodes and the values of a YAML file; nothing where it is none."""
    loader = _Loader(path.read_text("utf-8"))
    try:
        node = loader.get_single_node()
        return node, None if node is None else loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        faults.append(f"{path.name}:{line}: {error.problem}")
        return None, None
    finally:
        loader.dispose()


def validated(
    model: type[BaseModel], node: yaml.Node, value: Any, path: Path, faults: list[str]
) -> Any:
    """Return a value as a model has it; None, and a fault by file and line, where it is none."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        for fault in error.errors():
            where = ".".join(str(part) for part in fault["loc"])
            faults.append(f"{path.name}:{line_of(node, fault['loc'])}: {where}: {fault['msg']}")
        return None


def _read_rules(folder: Path, faults: list[str]) -> dict[str, tuple[Rule, str]]:
    """Return every rule of a folder by its id, with the file and line it starts on."""
    rules: dict[str, tuple[Rule, str]] = {}
    for path in sorted(folder.glob("*.yaml")):
        if path.name in (_PARAMETERS, PONDS):
            continue
        node, entries = composed(path, faults)
        if node is None:
            continue
        if not isinstance(node, yaml.SequenceNode):
            faults.append(f"{path.name}:1: a list of rules is wanted")
            continue
        for at, entry in zip(node.value, entries, strict=True):
            rule = validated(Rule, at, entry, path, faults)
            if rule is None:
                continue
            place = f"{path.name}:{at.start_mark.line + 1}"
            if rule.id in rules:
                faults.append(f"{place}: {rule.id} stands twice")
            rules[rule.id] = (rule, place)
    return rules


def _read_parameters(
    folder: Path, faults: list[str], national: Parameters | None
) -> Parameters | None:
    """Return the figures of a folder; of a county those it states, the national ones otherwise."""
    path = folder / _PARAMETERS
    if national is not None and not path.exists():
        return national
    if not path.exists():
        faults.append(f"{path.name}:1: the file is missing")
        return national
    node, values = composed(path, faults)
    if node is None:
        return national
    if national is None:
        found: Parameters | None = validated(Parameters, node, values, path, faults)
        return found
    merged = national.model_dump() | (values if isinstance(values, dict) else {})
    made: Parameters | None = validated(Parameters, node, merged, path, faults)
    for name in type(national).model_fields if made else ():
        old, new = getattr(national, name).value, getattr(made, name).value
        if name in _COMPARED_BY and new != old:
            faults.append(
                f"{path.name}:{line_of(node, (name, 'value'))}: {name} is compared by no rule, and "
                f"{new:g} would change no verdict; tighten the rule {_COMPARED_BY[name]} instead"
            )
            continue
        # Every figure is a distance or a span that looks further when larger, but the tolerance.
        if (new > old) if name == "coverage_tolerance_m2" else (new < old):
            faults.append(
                f"{path.name}:{line_of(node, (name, 'value'))}: {name} {new:g} would loosen the "
                f"national figure {old:g}"
            )
    return made


def load_rules(folder: Path = DATA, county: Path | None = None) -> Rules:
    """Read every ``*.yaml`` in `folder`, and what a county adds to it.

    Parameters
    ----------
    folder : Path
        The national catalogue.
    county : Path, optional
        A folder with rules of the county's own, national rules made stricter (under their own id),
        and figures made stricter (``parameters.yaml``, only those that change and that no rule has
        a limit of its own for).

    Raises
    ------
    CatalogueError
        If a rule breaks the schema, stands twice, names a successor that is not there, or if a
        county's rule or figure would loosen the national one.
    """
    faults: list[str] = []
    if not folder.is_dir():
        raise CatalogueError(f"{folder.name}:1: there is no such folder")
    rules = _read_rules(folder, faults)
    parameters = _read_parameters(folder, faults, None)
    if county is not None and not county.is_dir():
        raise CatalogueError(f"{county.name}:1: there is no such folder")
    if county is not None and parameters is not None:
        for name, (rule, place) in _read_rules(county, faults).items():
            if name in rules:
                faults += [f"{place}: {name} {why}" for why in looser(rules[name][0], rule)]
            rules[name] = (rule, place)
        parameters = _read_parameters(county, faults, parameters)
    for rule, place in rules.values():
        if rule.superseded_by is not None and rule.superseded_by not in rules:
            faults.append(f"{place}: superseded by {rule.superseded_by}, which is not there")
    if faults or parameters is None:
        raise CatalogueError("\n".join(faults))
    return Rules(rules=tuple(rules[i][0] for i in sorted(rules)), parameters=parameters)


@cache
def national_rules() -> Rules:
    """Return the catalogue that ships with the software."""
    return load_rules()


def installed_rules() -> Rules:
    """Return the national catalogue with what the county of this installation adds to it.

    What the files say; what is in force was adopted (:mod:`geo.store.rule_sets`). A county's folder
    is read again when a file in it changed, so that a running server tells what waits.
    """
    county = settings().county_rules
    if county is None:
        return national_rules()
    stats = {file.name: file.stat() for file in sorted(county.glob("*.yaml"))}
    return _of_county(county, tuple((n, s.st_mtime_ns, s.st_size) for n, s in stats.items()))


@lru_cache(maxsize=4)
def _of_county(folder: Path, _files: tuple[tuple[str, int, int], ...]) -> Rules:
    return load_rules(DATA, folder)

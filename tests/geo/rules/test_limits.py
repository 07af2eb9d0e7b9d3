"""Each limit of the catalogue just below, at and above; each row's outcome; each rule's sentence."""

from collections import Counter
from importlib import resources

import pytest
import yaml

from geo.hazards import hazards
from geo.rules import national_rules
from geo.survey.why import sentence
from tests.geo.rules.drawn import HELD, STEP, context, limits, met, wins

RULES = national_rules()
LIMITS = list(limits(RULES))
ROWS = [(rule, at) for rule in RULES.rules for at in range(len(rule.rows))]


@pytest.mark.parametrize(
    ("rule", "at", "one", "op", "limit"),
    LIMITS,
    ids=[f"{r.id}-{at}-{one.attr}-{op}-{limit:g}" for r, at, one, op, limit in LIMITS],
)
def test_each_limit_just_below_at_and_above(rule, at, one, op, limit):
    values, when = context(rule, at, one, limit), rule.rows[at].when
    found = [when.evaluate(values | {one.attr: limit + step}).value for step in (-STEP, 0, STEP)]
    held = HELD[op]
    # Under `not` the row holds where the comparison does not.
    assert found in (list(held), [not h for h in held])
    assert [one.evaluate({one.attr: limit + step}).value for step in (-STEP, 0, STEP)] == list(held)


def written(node):
    """Yield every number that stands in the files as a bound, whatever the reader makes of them."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name in HELD and isinstance(value, int | float):
                yield name, float(value)
            yield from written(value)
    elif isinstance(node, list):
        for one in node:
            yield from written(one)


def test_no_limit_of_the_files_is_left_untried():
    folder = resources.files("geo.rules") / "data"
    files = [yaml.safe_load(f.read_text("utf-8")) for f in folder.iterdir() if f.suffix == ".yaml"]
    found = Counter(one for file in files for one in written(file))
    assert found == Counter((op, float(limit)) for _, _, _, op, limit in LIMITS)
    assert len(LIMITS) > 50


@pytest.mark.parametrize(("rule", "at"), ROWS, ids=[f"{r.id}-{at}" for r, at in ROWS])
def test_each_row_gives_its_outcome_and_a_sentence_in_both_languages(rule, at):
    row = rule.rows[at]
    found = met(rule, RULES, wins(rule, at))
    said = [c for c in found.itertuples() if c.rule_id == rule.id]
    mine = [c for c in said if (c.outcome, c.grade) == (row.outcome, row.grade)]
    assert len(mine) == 1
    (claim,) = mine
    assert claim.hazard == rule.applies.hazard
    assert (claim.valid_from, claim.valid_to) == (rule.in_force_from, rule.in_force_to)
    if row.outcome == "manage_as":
        assert claim.evidence["until"]["zh"]
    for lang in ("zh", "en"):
        text = sentence(claim, RULES, lang)
        # But for its first letter, which is a capital where the sentence begins with it.
        assert getattr(rule.message, lang)[1:] in text
        assert rule.standard in text
        if row.grade is not None:
            assert hazards()[claim.hazard].names[row.grade][lang] in text


ASKING = [rule for rule in RULES.rules if rule.missing == "question"]


@pytest.mark.parametrize("rule", ASKING, ids=lambda rule: rule.id)
def test_a_rule_that_lacks_a_figure_asks_for_it_by_name(rule):
    values = wins(rule, 0)
    named = ("vertical", "same_seam", "pillar_margin_m", "aquifer_pillar_margin_m", "inrush_mpa_m")
    lost = [n for n in values if n in named]
    lost += [n for n in values if n.startswith("mine.hard_layer")]
    values |= dict.fromkeys(lost) | ({"margin_m": 30.0} if rule.id == "hydro.fault_pillar" else {})
    (claim,) = [c for c in met(rule, RULES, values).itertuples() if c.rule_id == rule.id]
    assert claim.outcome == "question"
    assert claim.evidence["missing"]
    assert "缺" in sentence(claim, RULES, "zh")
    assert "missing" in sentence(claim, RULES, "en")

"""Every sentence the pages ask for stands in the catalogue, in both languages, and fits."""

import re
import string
from pathlib import Path

import pytest
from jinja2 import nodes

from geo.messages import LANGUAGES, catalogue
from geo.report.ledger import COUNTS
from geo.store.tables import OBJECTION_OUTCOMES, SCREENING_OUTCOMES
from geo.survey.ledger import LEDGER, WORKS
from geo.tailings.board import BANDS
from geo.tailings.siting import ACTIONS
from web import pond_view, render, translate
from web.boards import COLUMNS

TEMPLATES = sorted((render.ROOM / "templates").rglob("*.html"))
SCRIPTS = sorted((render.STATIC / "js").glob("*.js"))
PYTHON = sorted(render.ROOM.glob("*.py"))

# A code put together from a stored value: every value it can take, so that none is missing.
CHECKS = (
    *("copied", "one_shape", "too_little_void", "contradicted", "outside_contract"),
    "without_surroundings",
)
PARTS = {
    "web.role.": ("administrator", "regulator", "geologist", "enterprise"),
    "web.line.": ("effective", "determined", "proposed", "decided"),
    "web.map.layer.": (
        "mines",
        "unclear",
        "plan",
        "factors",
        "extents",
        "encounters",
        "ponds",
        "zones",
    ),
    "web.upload_state.": ("queued", "reading", "staged", "failed", "submitted"),
    "web.step.": ("queued", "reading", "staged", "submitted"),
    "web.match.": ("same", "other"),
    "web.outcome.": ("stored", "mended", "refused", "warned"),
    "web.survey_state.": ("submitted", "accepted", "returned", "superseded", "revoked"),
    "web.coverage.": ("unsurveyed", "inferred", "unclear", "incomplete", "clear"),
    "web.plan.": ("ok", "plan_missing", "plan_short"),
    "web.source.": ("decision", "appraisal", "declared", "survey", "neighbour"),
    "web.ending.": ("superseded", "treated", "finished", "error", "released"),
    "web.colour.": ("red", "orange", "yellow", "blue", "grey"),
    "web.advance.head.": ("90", "180", "365"),
    "web.layers.": ("zip", "gpkg", "xlsx"),
    "web.action.": ("accept", "ending", "pond_event", "adopt_rules"),
    "web.rules.": ("added", "removed", "changed", "figures"),
    "web.nav.": (
        "advance",
        "inbox",
        "map",
        "boards",
        "surveys",
        "uploads",
        "ponds",
        "objections",
        "ledger",
    ),
    "ledger.count.": COUNTS,
    "ledger.column.": LEDGER[:-1],
    "ledger.work.": WORKS,
    "screening.": CHECKS,
    "screening.unit.": ("m", "d", "factors", "corners"),
    "web.screening.measure.": CHECKS,
    "web.screening.state.": ("open", *SCREENING_OUTCOMES),
    "web.crossing.": ("plan_item", "goaf", "licence"),
    "web.objection.state.": ("open", *OBJECTION_OUTCOMES),
    "web.objection.do.": OBJECTION_OUTCOMES,
    "web.ponds.figure.": pond_view.LISTS,
    "web.ponds.group.": ("by_state", "by_lateness", "by_who"),
    "web.ponds.band.": BANDS,
    "web.ponds.head.": ("state", "late", "who"),
    "web.unit.": ("m", "a"),
    "web.head_top.": ("yes", "suspected", "no", "undetermined"),
    "web.verdict.": ("yes", "suspected", "no"),
    "web.outcome_of.": ("yes", "no", "undetermined"),
    "web.pond.under_kind.": ("goaf", "subsidence", "footprint"),
    "web.siting.what_is.": ("pond", "object"),
    "web.siting.action_is.": ACTIONS,
    "web.siting.verdict.": ("yes", "no", "undetermined"),
    "web.siting.answer_is.": ("yes", "no", "undetermined"),
    "web.map.pond.": ("use", "close", "late", "gone", "unknown"),
    "web.question.": ("no_history", "token_discharge", "extension_void", "discharge_while_closing"),
    "web.profile.": ("along", "height", "limit", "beside", "title", "head", "what"),
    "web.": ("yes", "no"),
    "web.board.": (
        *COLUMNS,
        *(f"{name}.what" for name in COLUMNS),
        *("late_by", "past", "ahead", "met"),
    ),
    "web.column.": ("code", *(column for columns in COLUMNS.values() for column in columns)),
    "web.board.lapse.": ("overdue", "worked_out", "held"),
    "web.board.late.": ("under_way", "appraisal", "overdue", "redo"),
    "web.diff.": ("added", "gone", "changed"),
    "web.stage.": ("reading", "unpack", "read", "check", "staged"),
    "web.js.stage.": ("reading", "unpack", "read", "check", "staged", "grading"),
    "web.js.upload.state_": ("staged", "failed", "submitted"),
    "web.map.group.": ("ground", "mining", "survey", "ponds"),
    "web.map.turned.": ("landscape", "portrait"),
    "web.draw.kind.": ("polygon", "line", "point"),
}


def asked(template: Path) -> tuple[dict[str, set[str]], set[str]]:
    """Return the codes a template translates with their values, and the prefixes it completes."""
    codes: dict[str, set[str]] = {}
    prefixes: set[str] = set()
    tree = render.environment().parse(template.read_text("utf-8"))
    for found in tree.find_all(nodes.Filter):
        if found.name != "t":
            continue
        given = {kwarg.key for kwarg in found.kwargs}
        choices = [found.node]
        while choices:
            node = choices.pop()
            if isinstance(node, nodes.CondExpr):
                choices += [node.expr1, node.expr2]
            elif isinstance(node, nodes.Const):
                codes.setdefault(node.value, set()).update(given)
            elif isinstance(node, nodes.Concat) and isinstance(node.nodes[0], nodes.Const):
                prefixes.add(node.nodes[0].value)
            elif not isinstance(node, nodes.Name | nodes.Getattr):
                raise AssertionError(f"{template.name}: a code nobody can check: {node}")
    return codes, prefixes


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda p: p.name)
def test_templates_ask_only_for_sentences_that_stand(template: Path) -> None:
    codes, prefixes = asked(template)
    missing = sorted(set(codes) - set(catalogue()))
    assert not missing
    for code, given in codes.items():
        for lang in LANGUAGES:
            assert fields(catalogue()[code][lang]) <= given, code
    for prefix in prefixes:
        assert prefix in PARTS, f"{prefix} needs its values in PARTS"


def test_codes_put_together_stand_for_every_value() -> None:
    wanted = {prefix + value for prefix, values in PARTS.items() for value in values}
    assert not wanted - set(catalogue())


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.name)
def test_scripts_ask_only_for_sentences_that_are_sent(script: Path) -> None:
    text = script.read_text("utf-8")
    codes = set(re.findall(r'say\("([^"]+)"', text)) | set(re.findall(r'"(map\.[a-z_]+)"', text))
    words = set(translate.script_words("zh"))
    assert not codes - words
    for prefix in re.findall(r"say\(`([^$`]+)\$\{", text):
        assert any(word.startswith(prefix) for word in words), prefix


def test_python_asks_only_for_sentences_that_stand() -> None:
    for path in PYTHON:
        codes = set(re.findall(r'"(web\.[a-z_.0-9]+[a-z0-9_])"', path.read_text("utf-8")))
        assert not codes - set(catalogue()), path.name


def test_both_languages_take_the_same_values() -> None:
    for code, texts in catalogue().items():
        if code.startswith("web."):
            assert fields(texts["zh"]) == fields(texts["en"]), code


def test_no_chinese_is_written_into_a_template() -> None:
    """All words come from the catalogue; only the switch names each language in its own."""
    for template in TEMPLATES:
        text = template.read_text("utf-8").replace("'中文'", "").replace("'、'", "")
        assert not re.search("[\u4e00-\u9fff]", text), template.name


def test_every_sentence_of_the_pages_is_used() -> None:
    text = "".join(p.read_text("utf-8") for p in [*TEMPLATES, *SCRIPTS, *PYTHON])
    built = {prefix + value for prefix, values in PARTS.items() for value in values}
    rooms = (
        *("web.kind.", "web.item.", "web.reaches.", "web.batch.", "web.status."),
        *("web.object.", "web.source_of.", "web.value.", "web.reason."),
    )
    left = [
        code
        for code in catalogue()
        if code.startswith("web.")
        and code not in built
        and not code.startswith(rooms)
        and code not in text
        and not (code.startswith("web.js.") and f'"{code[7:]}"' in text)
    ]
    assert not left

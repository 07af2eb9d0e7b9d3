"""Every sentence the pages ask for stands in the catalogue, in both languages, and fits."""

import ast
import inspect
import re
import string
from itertools import chain
from pathlib import Path

import pytest
from jinja2 import nodes

from geo.cli.boards import SHOWN
from geo.cli.files import _table
from geo.messages import LANGUAGES, catalogue
from geo.problems import Problem
from geo.report.ledger import COUNTS
from geo.settings import CHECKOUT
from geo.store import adoption
from geo.store.boards import LISTS
from geo.store.pond_events import ACTION
from geo.store.tables import (
    HEAD_TOP_OUTCOMES,
    HEAD_TOP_SOURCES,
    MINE_KINDS,
    OBJECTION_OUTCOMES,
    SCREENING_OUTCOMES,
    TERRAIN_STATES,
    ZONES,
)
from geo.store.terrain_decisions import ACCEPT, RETURN, REVOKE
from geo.store.terrain_queries import COUNTING
from geo.survey.advance import STOPS
from geo.survey.layers import layers
from geo.survey.ledger import LEDGER, WORKS
from geo.tailings import headtop
from geo.tailings.board import BANDS
from geo.tailings.siting import ACTIONS
from geo.tailings.siting_rules import WORKINGS
from web import pond_view, render, translate
from web.boards import COLUMNS
from web.pages import SOURCES

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
        "water_lines",
        "encounters",
        "ponds",
        "zones",
        "models",
    ),
    "web.upload_state.": ("queued", "reading", "staged", "failed", "submitted"),
    "web.step.": ("queued", "reading", "staged", "submitted"),
    "web.match.": ("same", "other"),
    "web.outcome.": ("stored", "mended", "refused", "warned"),
    "web.survey_state.": ("submitted", "accepted", "returned", "superseded", "revoked"),
    "web.coverage.": ("unsurveyed", "inferred", "unclear", "incomplete", "clear"),
    "web.mine.extent.": ("footprint", "field"),
    "web.plan.": ("ok", "plan_missing", "plan_short"),
    "web.source.": ("decision", "appraisal", "declared", "survey", "neighbour"),
    "web.ending.": ("superseded", "treated", "finished", "error", "released"),
    "web.colour.": ("red", "orange", "yellow", "blue", "grey"),
    "web.advance.head.": ("90", "180", "365"),
    "web.layers.": ("zip", "gpkg", "xlsx"),
    "web.action.": ("accept", "ending", "pond_event", "adopt_rules", ACCEPT, REVOKE),
    "web.rules.": ("added", "removed", "changed", "figures"),
    "web.nav.": (
        "advance",
        "mines",
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
    "web.head_top.": HEAD_TOP_OUTCOMES,
    "web.verdict.": HEAD_TOP_OUTCOMES,
    "web.outcome_of.": ("yes", "no", "undetermined"),
    "web.pond.under_kind.": tuple(WORKINGS.values()),
    "web.siting.what_is.": ("pond", "object"),
    "web.siting.drawing_is.": ("toe", "body"),
    "web.siting.action_is.": ACTIONS,
    "web.siting.verdict.": ("yes", "no", "undetermined"),
    "web.siting.answer_is.": ("yes", "no", "undetermined"),
    "web.map.pond.": ("use", "close", "late", "gone", "unknown"),
    "web.question.": (
        *("no_history", "token_discharge", "surveyed_discharge", "discharge_while_closing"),
        *("extension_void", "extension_months", "elevation_reached"),
    ),
    "web.profile.": ("along", "height", "limit", "beside", "title", "head", "what"),
    "web.": ("yes", "no"),
    "web.board.": (
        *COLUMNS,
        *(f"{name}.what" for name in COLUMNS),
        *("late_by", "past", "ahead", "met"),
    ),
    "web.column.": ("code", *(column for columns in COLUMNS.values() for column in columns)),
    "web.board.lapse.": ("overdue", "treated", "propose", "worked_out", "held"),
    "web.board.late.": ("under_way", "appraisal", "overdue", "measure", "redo"),
    "web.diff.": ("added", "gone", "changed"),
    "web.stage.": ("reading", "unpack", "read", "check", "staged", "grading"),
    "web.js.stage.": ("reading", "unpack", "read", "check", "staged", "grading"),
    "web.js.upload.state_": ("staged", "failed", "submitted", "gone"),
    "web.js.map.at_": ZONES,
    "web.map.group.": ("ground", "mining", "survey", "ponds"),
    "web.terrain.state.": (*COUNTING, *(s for s in TERRAIN_STATES if s != "accepted")),
    "web.map.turned.": ("landscape", "portrait"),
    "web.draw.kind.": ("polygon", "line", "point"),
}
# A word for a stored code: every code that this version can store, asked of where it is made.
_STORE = "".join(p.read_text("utf-8") for p in sorted((CHECKOUT / "geo" / "store").glob("*.py")))
_CHOICES = {
    name: {field: tuple(one.values) for field, one in layer.fields.items()}
    for name, layer in layers().items()
}
STORED = {
    # Previews are rolled back.
    "web.batch.": {
        *re.findall(r'publishing\([a-z_]+, [A-Za-z]+, "([a-z_]+)"', _STORE),
        *(
            ACTION,
            ACCEPT,
            RETURN,
            REVOKE,
            *(source for sources in SOURCES.values() for source in sources),
        ),
    }
    - {"preview"},
    # An undrained goaf is among what L13 asks for.
    "web.reaches.": {"unsurveyed", "unclear", "goaf", *STOPS.values()},
    "web.item.": _CHOICES["plan_item"]["item"],
    "web.kind.": MINE_KINDS,
    "web.object.": _CHOICES["protected_object"]["object_class"],
    "web.source_of.": HEAD_TOP_SOURCES,
    "web.value.": {*_CHOICES["pond"]["safety_degree"], *_CHOICES["pond"]["monitoring"]},
    "web.reason.": {
        *re.findall(r'"([a-z_]+)": ', inspect.getsource(headtop).partition("doubts = {")[2]),
        *("met", "dams_missing", "unsurveyed", "no_model"),
    },
    "layers.geometry.": {kind for layer in layers().values() for kind in layer.geometry},
    "layers.type.": {field.type for layer in layers().values() for field in layer.fields.values()},
    "layer.": layers(),
}


@pytest.mark.parametrize("room", STORED)
def test_every_code_that_can_be_stored_has_its_word(room: str) -> None:
    codes = [*STORED[room]]
    assert codes
    assert not {room + code for code in codes} - set(catalogue())


def test_what_a_role_may_not_do_is_told_in_words() -> None:
    guards = {"authorise": 1, "authorise_survey": 2, "only": 1, "Problem": None}
    acts = {*chain.from_iterable(SOURCES.values()), adoption.ACTION, ACTION, ACCEPT, RETURN, REVOKE}
    for path in [p for room in ("geo", "api", "web") for p in (CHECKOUT / room).rglob("*.py")]:
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(call, ast.Call) or getattr(call.func, "id", None) not in guards:
                continue
            at = guards[call.func.id]  # type: ignore[attr-defined]
            given = (
                call.args[at : at + 1]
                if at
                else [k.value for k in call.keywords if k.arg == "action"]
            )
            acts |= {str(one.value) for one in given if isinstance(one, ast.Constant)}
    assert len(acts) > 20
    assert not {f"store.act.{act}" for act in acts} - set(catalogue())
    assert "报送文件" in Problem("store.not_allowed", action="upload").say("zh")
    assert "已通过" in Problem("store.wrong_state", file="f", state="accepted").say("zh")


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


def headings() -> set[str]:
    """Return the names of the columns that commands show, as they stand in their tables."""
    found = {name for names in SHOWN.values() for name in names}
    for path in (CHECKOUT / "geo" / "cli").glob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        named = {"names", "heads", "columns", "shown", "lines"}
        for node in ast.walk(tree):
            said: ast.expr | None = None
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in named:
                said = node.value
            elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "_table":
                said = node.args[0]
            if isinstance(said, ast.Tuple):
                texts = [getattr(one, "value", None) for one in said.elts]
                found |= {text for text in texts if isinstance(text, str)}
    return found


def test_every_heading_of_the_command_line_is_a_word_in_both_languages(monkeypatch) -> None:
    assert set(SHOWN) == set(LISTS)
    lacking = {name for name in headings() if f"cli.column.{name}" not in catalogue()}
    # These stand in tuples of `--json` alone.
    assert lacking <= {"colour", "unclear", "lines", "why", "claims", "computed", "strip", "survey_unit"}  # fmt: skip
    for lang in LANGUAGES:
        monkeypatch.setenv("MINERISK_LANG", lang)
        table = _table(("mine_code", "kinds"), [{"mine_code": "A", "kinds": ["goaf", "fault"]}])
        assert table.columns[0].header == catalogue()["cli.column.mine_code"][lang]


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
    built |= {room + code for room, codes in STORED.items() for code in codes}
    left = [
        code
        for code in catalogue()
        if code.startswith("web.")
        and code not in built
        and code not in text
        and not (code.startswith("web.js.") and f'"{code[7:]}"' in text)
    ]
    assert not left

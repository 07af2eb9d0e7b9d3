"""The catalogue as people read it: one rule in full, a table of all, and the documentation page."""

import re
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from geo.hazards import grade_name, hazards
from geo.messages import say
from geo.rules import Rule, Rules
from geo.rules.conditions import All, AnyOf, Compare, Not
from geo.survey.why import field_name, value_text

_SIGNS = {"lt": "<", "le": "≤", "gt": ">", "ge": "≥", "eq": "=", "ne": "≠"}


def condition(when: Any, factor: str, lang: str, *, inner: bool = False) -> str:
    """Return a condition in words.

    Parameters
    ----------
    when : Condition
    factor : str
        The layer it is asked of, whose fields give the words.
    lang : str
        ``zh`` or ``en``.
    inner : bool
        Whether it stands inside another, and needs brackets where it has parts.
    """
    if isinstance(when, Compare):
        name = field_name(when.attr, lang)
        for op, sign in _SIGNS.items():
            value = getattr(when, op)
            if value is not None:
                return f"{name} {sign} {value_text(when.attr, value, lang, factor)}"
        if when.in_ is not None:
            words = [value_text(when.attr, value, lang, factor) for value in when.in_]
            return f"{name} = {say('rules.or', lang).join(words)}"
        asked = "missing" if when.missing is not None else "known"
        return say(f"rules.{asked}.{getattr(when, asked)!s}".lower(), lang, name=name)
    if isinstance(when, Not):
        return say("rules.not", lang, what=condition(when.not_, factor, lang, inner=True))
    parts: Iterable[Any] = when.all if isinstance(when, All) else when.any
    joint = say("rules.or" if isinstance(when, AnyOf) else "rules.and", lang)
    text = joint.join(condition(part, factor, lang, inner=True) for part in parts)
    return f"（{text}）" if inner and lang == "zh" else f"({text})" if inner else text


def rows_of(rule: Rule, lang: str) -> list[str]:
    """Return what each row of a rule says: its condition and what follows."""
    found = []
    for row in rule.rows:
        then = say(f"rules.outcome.{row.outcome}", lang)
        if row.grade is not None:
            then += f" {grade_name(rule.applies.hazard, row.grade, lang)}"
        if row.until is not None:
            then += say("rules.until", lang, until=getattr(row.until, lang))
        if row.appraise:
            then += say("rules.appraise", lang)
        if row.whom is not None:
            then += say("rules.until", lang, until=getattr(row.whom, lang))
        if row.by_when is not None:
            then += say("rules.until", lang, until=getattr(row.by_when, lang))
        found.append(f"{condition(row.when, rule.applies.factor, lang)} → {then}")
    return found


def _days(rule: Rule, lang: str) -> str:
    def day(value: date | None) -> str:
        return value.isoformat() if value else ""

    return (
        f"{day(rule.in_force_from) or say('rules.always', lang)} – {day(rule.in_force_to)}".strip()
    )


def explain(rule: Rule, lang: str) -> str:
    """Return one rule in full, as lines of text."""
    applies = rule.applies
    kinds = say("rules.list", lang).join(say(f"web.kind.{k}", lang) for k in applies.kinds)
    told = [
        ("message", getattr(rule.message, lang)),
        ("kinds", kinds),
        ("hazard", hazards()[applies.hazard].label[lang]),
        ("factor", say(f"layer.{applies.factor}", lang)),
        ("extent", say(f"rules.extent.{rule.extent}", lang)),
        ("standard", rule.standard),
        ("clause", rule.clause or say("why.no_clause", lang)),
        ("verified", say("why.verified" if rule.verified else "why.unverified", lang)),
        ("in_force", _days(rule, lang)),
        ("superseded_by", rule.superseded_by or ""),
        ("missing", say(f"rules.when_missing.{rule.missing}", lang)),
        ("note", rule.note),
    ]
    lines = [rule.id, *(f"  {say(f'rules.{k}', lang)}: {v}" for k, v in told if v)]
    return "\n".join([*lines, *(f"  {i}. {row}" for i, row in enumerate(rows_of(rule, lang), 1))])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def table(rules: Rules, lang: str, tests: Mapping[str, Iterable[str]] | None = None) -> str:
    """Return the table of the catalogue in Markdown, rules by hazard.

    Parameters
    ----------
    rules : Rules
    lang : str
        ``zh`` or ``en``.
    tests : mapping, optional
        The files of tests that name each rule; adds a column.
    """
    names = ["id", "factor", "rows", "message", "standard", "clause", "verified", "in_force"]
    heads = [say(f"rules.{name}", lang) for name in names]
    if tests is not None:
        heads.append(say("rules.tests", lang))
    parts = []
    for hazard in hazards().values():
        found = [rule for rule in rules.rules if rule.applies.hazard == hazard.code]
        if not found:
            continue
        parts += [
            f"## {hazard.label[lang]}",
            "",
            f"| {' | '.join(heads)} |",
            f"|{' --- |' * len(heads)}",
        ]
        for rule in found:
            cells = [
                f"`{rule.id}`",
                say(f"layer.{rule.applies.factor}", lang),
                "<br>".join(_cell(row) for row in rows_of(rule, lang)),
                getattr(rule.message, lang),
                rule.standard,
                rule.clause or say("why.no_clause", lang),
                say("rules.yes" if rule.verified else "rules.no", lang),
                _days(rule, lang),
            ]
            if tests is not None:
                cells.append("<br>".join(tests.get(rule.id, ())) or say("rules.generated", lang))
            parts.append(f"| {' | '.join(c if '<br>' in c else _cell(c) for c in cells)} |")
        parts.append("")
    return "\n".join(parts).rstrip("\n") + "\n"


def covering(rules: Rules, folder: Path) -> dict[str, list[str]]:
    """Return the test files that name each rule; none where only what is drawn from it tries it."""
    texts = {p: p.read_text("utf-8") for p in sorted(folder.rglob("test_*.py"))}
    return {
        rule.id: [
            f"tests/{path.relative_to(folder).as_posix()}"
            for path, text in texts.items()
            if re.search(rf'"{re.escape(rule.id)}"', text)
        ]
        for rule in rules.rules
    }


def page(rules: Rules, tests: Path, lang: str = "zh") -> str:
    """Return the documentation page of the catalogue, in Markdown."""
    count = len(rules.rules)
    unread = sum(not rule.verified for rule in rules.rules)
    head = say("rules.page", lang, count=count, unverified=unread)
    return f"{head}\n\n{table(rules, lang, covering(rules, tests))}"

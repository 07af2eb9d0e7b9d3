"""Why a grade stands: sentences a regulator could sign, from the claims' own evidence."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from geo.hazards import grade_name, hazards
from geo.messages import catalogue, language, say
from geo.rules import Rule, Rules
from geo.survey.layers import layers

# What stands behind a margin, and is told with it.
_BEHIND = {
    "gap_m": "fracture_margin_m",
    "fracture_zone_m": "fracture_margin_m",
    "pillar_m": "pillar_margin_m",
}


def sentence(claim: Any, rules: Rules, lang: str) -> str:
    """Return what one claim says, with its evidence, its clause and whether that was verified.

    Parameters
    ----------
    claim : namedtuple
        A row of the claims frame.
    rules : Rules
        The rule set the claim was derived with.
    lang : str
        ``zh`` or ``en``.
    """
    hazard = hazards()[claim.hazard].label[lang]
    grade = grade_name(claim.hazard, claim.grade, lang)
    if claim.rule_id is None:
        return say(
            f"why.{claim.source}",
            lang,
            hazard=hazard,
            grade=grade,
            document=claim.document or say("why.no_document", lang),
            since=claim.valid_from or say("why.always", lang),
        )
    rule = rules.one(claim.rule_id)
    evidence = claim.evidence
    asked = claim.outcome == "question" and evidence.get("missing")
    parts = [
        say(
            "why.outcome.asked" if asked else f"why.outcome.{claim.outcome}",
            lang,
            hazard=hazard,
            grade=grade,
            message=getattr(rule.message, lang),
            missing=", ".join(field_name(name, lang) for name in evidence.get("missing", ())),
            until=(evidence.get("until") or {}).get(lang, ""),
        )
    ]
    if evidence["layer"] == "mine":
        values = ", ".join(
            f"{field_name(name, lang)} = {value_text(name, value, lang)}"
            for name, value in evidence["attrs"].items()
        )
        parts.append(say("why.figures", lang, values=values or "—"))
    else:
        parts.append(_place(evidence, claim.source, lang))
        parts += _reckoned(evidence, rule, lang)
    if evidence.get("sensitive"):
        parts.append(say("why.sensitive", lang, error=evidence["error_m"]))
    if claim.status != "in_force":
        parts.append(say(f"why.status.{claim.status}", lang))
    clause = rule.clause or say("why.no_clause", lang)
    verified = say("why.verified" if rule.verified else "why.unverified", lang)
    parts.append(say("why.basis", lang, standard=rule.standard, clause=clause, verified=verified))
    return ("" if lang == "zh" else " ").join(parts)


def _place(evidence: dict[str, Any], source: str, lang: str) -> str:
    attrs = evidence["attrs"]
    return say(
        "why.place",
        lang,
        whose=say("why.neighbour" if source == "neighbour" else "why.own", lang),
        layer=say(f"layer.{evidence['layer']}", lang),
        name=attrs.get("code") or attrs.get("name") or say("why.unnamed", lang),
        relation=say(f"why.relation.{evidence['relation']}", lang),
        where=evidence["item_name"] or say(f"why.extent.{evidence['extent']}", lang),
        distance=evidence["distance_m"],
        error=_error(evidence["error_m"], lang),
        verification=say(f"verification.{evidence['verification']}", lang),
        starts=evidence.get("starts") or say("why.no_date", lang),
    )


def _reckoned(evidence: dict[str, Any], rule: Rule, lang: str) -> Iterator[str]:
    """Yield what formulae made of the meeting, as far as the rule looks at it, and by what."""
    made = evidence.get("reckoned", {})
    told = [
        f"{field_name(name, lang)} = {value_text(name, value, lang)}"
        for name, value in made.items()
        if name in rule.attrs or (name in _BEHIND and _BEHIND[name] in rule.attrs)
    ]
    if told:
        yield say("why.reckoned", lang, values=", ".join(told))
    if evidence.get("compared") in ("plan", "seam") and "vertical" in rule.attrs:
        yield say(f"why.compared.{evidence['compared']}", lang)


def _error(metres: float, lang: str) -> str:
    return say("why.error", lang, error=metres) if metres else say("why.no_error", lang)


def field_name(name: str, lang: str) -> str:
    """Return the words for an attribute; the bare name where the dictionary has none."""
    if name.startswith("item."):
        bare = field_name(name.removeprefix("item."), lang)
        return say("attr.item", lang, name=bare[:1].lower() + bare[1:])
    words = catalogue().get(f"attr.{name}")
    if words:
        return words[language(lang)]
    bare = name.removeprefix("mine.")
    found = layers().values()
    for one in [layers()["mine_boundary"], *found] if bare != name else found:
        if bare in one.fields:
            return str(getattr(one.fields[bare].label, lang))
    return name


def value_text(name: str, value: Any, lang: str, factor: str = "mine") -> str:
    """Return the trade's word for an attribute's value; a range as it was written.

    Parameters
    ----------
    name : str
        The attribute, as rules name it.
    value : object
    lang : str
        ``zh`` or ``en``.
    factor : str
        The layer whose fields give the words; the mine's for ``mine.`` names.
    """
    if isinstance(value, dict):
        return str(value.get("raw", value))
    if isinstance(value, bool):
        return say("rules.yes" if value else "rules.no", lang)
    if isinstance(value, float):
        return f"{value:.12g}"
    own = catalogue().get(f"attr.{name}.{value}") or catalogue().get(f"{name}.{value}")
    if own:
        return own[lang]
    bare = name.removeprefix("mine.")
    fields = layers()["mine_boundary" if bare != name or factor == "mine" else factor].fields
    words = fields[bare].values.get(str(value), ()) if bare in fields else ()
    return words[0] if words and lang == "zh" else str(value).replace("_", " ")


def paragraph(
    mine_code: str, lines: pd.DataFrame, claims: pd.DataFrame, rules: Rules, lang: str
) -> list[str]:
    """Return one paragraph per hazard of a mine: the four lines, then what the highest rests on."""
    by_key = {claim.key: claim for claim in claims.itertuples()}
    found = []
    for line in lines[lines["mine_code"] == mine_code].itertuples():
        names = {
            part: grade_name(line.hazard, getattr(line, part), lang)
            for part in ("determined", "proposed", "decided", "effective")
        }
        text = say("why.lines", lang, hazard=hazards()[line.hazard].label[lang], **names)
        if line.not_below:
            text += say("why.not_below", lang, grade=names["effective"])
        reasons = [sentence(by_key[k], rules, lang) for k in line.winners if k in by_key]
        found.append("\n".join([text, *reasons]))
    return found

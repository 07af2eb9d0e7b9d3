"""Why a grade stands: sentences a regulator could sign, from the claims' own evidence."""

from collections.abc import Iterable, Iterator
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
    "aquifer_pillar_m": "aquifer_pillar_margin_m",
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
            since=say("why.since", lang, day=claim.valid_from)
            if claim.valid_from
            else say("why.always", lang),
        )
    rule = rules.one(claim.rule_id)
    evidence = claim.evidence
    parts = [
        say(
            f"why.outcome.{_outcome(claim)}",
            lang,
            hazard=hazard,
            grade=grade,
            message=getattr(rule.message, lang),
            missing=_listed(
                (_lacking(n, evidence, lang) for n in evidence.get("missing", ())), lang
            ),
            until=(evidence.get("until") or {}).get(lang, ""),
        )
    ]
    if claim.outcome == "duty":
        whom, by_when = (
            (evidence.get(name) or {}).get(lang) or say("why.not_given", lang)
            for name in ("whom", "by_when")
        )
        parts.append(say("why.due", lang, whom=whom, by_when=by_when))
    if evidence["layer"] == "mine":
        values = _listed((_figure(n, v, lang) for n, v in evidence["attrs"].items()), lang)
        if values:
            parts.append(say("why.figures", lang, values=values))
    else:
        parts.append(_place(evidence, claim.source, lang))
        parts += _reckoned(evidence, rule, lang)
    if evidence.get("sensitive"):
        parts.append(say("why.sensitive", lang, error=f"{evidence['error_m']:.12g}"))
    if claim.status != "in_force":
        parts.append(say(f"why.status.{claim.status}", lang))
    clause = rule.clause or say("why.no_clause", lang)
    verified = say("why.verified" if rule.verified else "why.unverified", lang)
    parts.append(say("why.basis", lang, standard=rule.standard, clause=clause, verified=verified))
    return ("" if lang == "zh" else " ").join(_begun(part) for part in parts)


def _outcome(claim: Any) -> str:
    """Return the word for what a claim does: a floor at the lowest class is that class."""
    if claim.outcome == "question" and claim.evidence.get("missing"):
        return "asked"
    if claim.outcome == "undetermined" and not claim.evidence.get("graded", True):
        return "open"
    if claim.outcome == "grade_floor" and hazards()[claim.hazard].rank(claim.grade) == 0:
        return "lowest"
    return str(claim.outcome)


def _begun(text: str) -> str:
    """Return a sentence that begins with a capital."""
    return text[:1].upper() + text[1:]


def _listed(words: Iterable[str], lang: str) -> str:
    return ("、" if lang == "zh" else ", ").join(words)


def _figure(name: str, value: Any, lang: str) -> str:
    """Return a figure of the mine with its name and unit."""
    field = layers()["mine_boundary"].fields.get(name.removeprefix("mine."))
    unit = f" {field.unit}" if field is not None and field.unit else ""
    unit = unit.replace("m3", "m³").replace("m2", "m²")
    return f"{field_name(name, lang)} {value_text(name, value, lang)}{unit}"


def _lacking(name: str, evidence: dict[str, Any], lang: str) -> str:
    """Return what is missing; where the cell says something that settles nothing, what it says."""
    value = evidence["attrs"].get(name)
    if value is None:
        return field_name(name, lang)
    said = value_text(name, value, lang, evidence["layer"])
    return say("why.said", lang, name=field_name(name, lang), value=said)


def _place(evidence: dict[str, Any], source: str, lang: str) -> str:
    attrs = evidence["attrs"]
    where = say(f"why.extent.{evidence['extent']}", lang)
    if evidence["item_name"]:
        starts = evidence.get("starts")
        since = say("why.starts", lang, day=starts) if starts else say("why.no_date", lang)
        where = say("why.working", lang, name=evidence["item_name"], since=since)
    looked = [say(f"verification.{evidence['verification']}", lang)]
    if evidence.get("survey_unit"):
        looked.append(say("why.surveyed", lang, unit=evidence["survey_unit"]))
    if evidence.get("observed_on"):
        looked.append(str(evidence["observed_on"]))
    name = attrs.get("code") or attrs.get("name")
    return say(
        f"why.place.{evidence['relation']}",
        lang,
        whose=say("why.neighbour" if source == "neighbour" else "why.own", lang),
        layer=say(f"layer.{evidence['layer']}", lang),
        name=say("why.called", lang, name=name) if name else say("why.nameless", lang),
        where=where,
        shared=_shared(evidence, lang),
        distance=f"{evidence['distance_m']:.12g}",
        error=_error(evidence["error_m"], lang),
        looked=_listed(looked, lang),
    )


def _shared(evidence: dict[str, Any], lang: str) -> str:
    """Return how much of the factor lies in the place it crosses; nothing where the two touch."""
    for name in ("overlap_m2", "overlap_m"):
        size = evidence.get(name) or 0.0
        if size > 0:
            told = str(round(size)) if size >= 1 else say("why.under_one", lang)
            return say(f"why.shared.{name}", lang, size=told)
    return ""


def _reckoned(evidence: dict[str, Any], rule: Rule, lang: str) -> Iterator[str]:
    """Yield what formulae made of the meeting, as far as the rule looks at it, and by what."""
    made = evidence.get("reckoned", {})
    told = [
        f"{field_name(name, lang)} {value_text(name, value, lang)}"
        for name, value in made.items()
        if name in rule.attrs or (name in _BEHIND and _BEHIND[name] in rule.attrs)
    ]
    if told:
        yield say("why.reckoned", lang, values=_listed(told, lang))
    if evidence.get("compared") in ("plan", "seam") and "vertical" in rule.attrs:
        yield say(f"why.compared.{evidence['compared']}", lang)


def _error(metres: float, lang: str) -> str:
    return say("why.error", lang, error=f"{metres:.12g}") if metres else say("why.no_error", lang)


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
    """Return one paragraph per hazard of a mine, as a regulator could sign it.

    The four lines; what the highest rests on; what is missing, by name; an appraisal out of date;
    what must be done, what guarded against and what found out, each rule once.

    Parameters
    ----------
    mine_code : str
    lines, claims : DataFrame
        Of the same day; the claims those that hold on it.
    rules : Rules
    lang : str
        ``zh`` or ``en``.
    """
    by_hazard: dict[str, list[Any]] = {}
    for claim in claims[claims["mine_code"] == mine_code].itertuples():
        by_hazard.setdefault(claim.hazard, []).append(claim)
    found = []
    for line in lines[lines["mine_code"] == mine_code].itertuples():
        here = by_hazard.get(line.hazard, [])
        reasons = [sentence(c, rules, lang) for c in here if c.key in set(line.winners)]
        said = [
            _four(line, lang),
            *reasons,
            *_overdue(line, here, lang),
            *_to_do("duty", here, rules, lang),
            *_to_do("precaution", here, rules, lang),
            *_to_do("question", here, rules, lang),
        ]
        found.append("\n".join(said))
    return found


def _four(line: Any, lang: str) -> str:
    names = {
        part: grade_name(line.hazard, getattr(line, part), lang)
        for part in ("determined", "proposed", "decided", "effective")
    }
    stands = [p for p in ("determined", "proposed", "decided") if getattr(line, p) is not None]
    label = hazards()[line.hazard].label[lang]
    said = [_begun(say("why.lines" if stands else "why.nothing", lang, hazard=label, **names))]
    if line.undetermined:
        missing = _listed((field_name(name, lang) for name in line.undetermined), lang)
        code = "why.not_below" if line.not_below else "why.lacking"
        said.append(say(code, lang, grade=names["effective"], missing=missing))
    return ("" if lang == "zh" else " ").join(said)


def _overdue(line: Any, here: list[Any], lang: str) -> Iterator[str]:
    """Yield that an appraisal is out of date and stands all the same (L3)."""
    ends = [c.valid_to for c in here if c.source == "appraisal" and c.valid_to is not None]
    if line.overdue and ends:
        yield say("why.overdue", lang, day=min(ends))


def _to_do(outcome: str, here: list[Any], rules: Rules, lang: str) -> Iterator[str]:
    """Yield duties, precautions or questions: of each rule the nearest place, and how many more."""
    by_rule: dict[str, list[Any]] = {}
    for claim in here:
        if claim.outcome == outcome and claim.status != "provisional":
            by_rule.setdefault(claim.rule_id, []).append(claim)
    if by_rule:
        yield say(f"why.{outcome}.head", lang, count=len(by_rule))
    for number, (_, found) in enumerate(sorted(by_rule.items()), 1):
        nearest = min(found, key=lambda c: (c.evidence.get("distance_m") or 0.0, c.key))
        more = say("why.more", lang, count=len(found) - 1) if len(found) > 1 else ""
        yield f"{number}. {sentence(nearest, rules, lang)}{more}"

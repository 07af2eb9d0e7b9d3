"""What ponds' rules are called, and what they rest on: words and clauses out of the catalogues."""

from collections.abc import Iterable, Mapping
from typing import Any

from geo.messages import say
from geo.tailings.closure import closure_rules
from geo.tailings.life import life_rules
from geo.tailings.monitoring import monitoring_rules
from geo.tailings.requirements import requirement_rules


def basis(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a rule rests on: label, standard, clause, whether its text was read, unit."""
    return {name: rule.get(name) for name in ("label", "standard", "clause", "verified", "unit")}


def labels() -> dict[str, Any]:
    """Return the words for states, events, who acts, triggers, obligations and requirements."""
    life, closing, demands = life_rules(), closure_rules(), requirement_rules()
    watched = monitoring_rules()
    return {
        "state": {name: one["label"] for name, one in life["states"].items()},
        "event": {name: one["label"] for name, one in life["moves"].items()},
        "who": life["who"],
        "trigger": {name: one["label"] for name, one in closing["triggers"].items()},
        "obligation": {name: one["label"] for name, one in closing["obligations"].items()},
        "requirement": {n: r["label"] for n, r in demands.items() if n != "in_production"},
        "level": {n: one["label"] for n, one in watched["levels"].items()},
        "item": {n: one["label"] for n, one in watched["items"].items()},
        "sign": {n: sign["label"] for n, sign in demands["safety_degree"]["signs"].items()},
        "act": {
            n: one["act"] for n, one in demands["safety_degree"]["degrees"].items() if one["act"]
        },
    }


def items_said(codes: Iterable[str], lang: str) -> str:
    """Return the names of items that are watched, as one reads them."""
    words = labels()["item"]
    return ("、" if lang == "zh" else ", ").join(words[code][lang] for code in codes)


def alarm_said(pond: Mapping[str, Any], lang: str) -> str | None:
    """Return what a pond's monitoring says by itself, None where it has none and none is expected.

    Parameters
    ----------
    pond : mapping
        As :func:`geo.store.pond_queries.ponds` gives it.
    lang : str
    """
    missed, found = pond["unheard"], pond["monitoring"]
    if missed is not None:
        code = "unheard" if missed["since"] else "unheard_undated"
        return say(f"web.pond.{code}", lang, on=missed["since"], days=missed["days"])
    if found is None:
        return None
    if found["level"] is None:
        return say("web.pond.level_unknown", lang)
    level = labels()["level"][found["level"]][lang]
    return level if found["whole"] else say("web.pond.not_below", lang, level=level)


def silent_said(pond: Mapping[str, Any], lang: str) -> str:
    """Return the points of a pond that fell silent, each with its days; empty where none did."""
    items = (pond["monitoring"] or {"items": ()})["items"]
    told = [
        f"{point['point']} {say('web.pond.silent', lang, days=point['silent_days'])}"
        for item in items
        for point in item["points"]
        if point["silent_days"]
    ]
    return ("；" if lang == "zh" else "; ").join(told)

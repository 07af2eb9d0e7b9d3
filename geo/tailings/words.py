"""What ponds' rules are called, and what they rest on: words and clauses out of the catalogues."""

from collections.abc import Mapping
from typing import Any

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

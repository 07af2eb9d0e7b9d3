"""Rule catalogue: YAML data with the clause of each rule, and the reader that checks it."""

from geo.rules.catalogue import (
    Parameters,
    Row,
    Rule,
    Rules,
    load_rules,
    national_rules,
    rules_in_force,
)

__all__ = ["Parameters", "Row", "Rule", "Rules", "load_rules", "national_rules", "rules_in_force"]

"""Rule catalogue: YAML data with the clause of each rule, and the reader that checks it."""

from geo.rules.catalogue import (
    CatalogueError,
    Parameters,
    Row,
    Rule,
    Rules,
    installed_rules,
    load_rules,
    national_rules,
)

__all__ = [
    "CatalogueError",
    "Parameters",
    "Row",
    "Rule",
    "Rules",
    "installed_rules",
    "load_rules",
    "national_rules",
]

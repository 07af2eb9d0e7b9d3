"""The rules of siting as data, and by which word they call the workings of a mine.

Apart from :mod:`geo.tailings.siting`, which brings the terrain's compiler with it: what only says
on what a rule rests need not wait for that.
"""

from functools import cache
from importlib import resources
from typing import Any

import yaml

# Layers of mines that may lie under a pond, by the word of ``workings.under``.
WORKINGS = {
    "goaf": "goaf",
    "ground_subsidence": "subsidence",
    "rock_movement": "rock_movement",
    "plan_item": "footprint",
}


@cache
def siting_rules() -> dict[str, dict[str, Any]]:
    """Return the rules of siting with standard, clause and whether each was verified."""
    text = resources.files(__package__).joinpath("siting.yaml").read_text("utf-8")
    return dict(yaml.safe_load(text))


def layer_of(kind: str) -> str:
    """Return the layer of a kind of workings, by the word of ``workings.under``."""
    return next(layer for layer, word in WORKINGS.items() if word == kind)

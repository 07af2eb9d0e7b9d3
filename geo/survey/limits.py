"""The limits of ``limits.yaml``."""

from functools import cache
from importlib import resources
from typing import Any

import yaml


@cache
def limits() -> dict[str, Any]:
    """Return the table of limits."""
    text = resources.files("geo.survey").joinpath("limits.yaml").read_text("utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded

"""The figures of ``terrain.yaml``."""

from functools import cache
from importlib import resources
from typing import Any

import yaml


@cache
def terrain_rules() -> dict[str, Any]:
    """Return the figures of terrain, paths and capture, each with source and ``verified``."""
    text = resources.files(__package__).joinpath("terrain.yaml").read_text("utf-8")
    return dict(yaml.safe_load(text))

"""Where a county lies, roughly, and what counties and provinces are called."""

from functools import cache
from importlib import resources
from typing import Any

import yaml

Box = tuple[float, float, float, float]


@cache
def _counties() -> dict[str, Any]:
    text = resources.files("geo.survey").joinpath("counties.yaml").read_text("utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def county_box(code: str) -> Box | None:
    """Return west, south, east, north of a county in degrees, None where it is not on record.

    Parameters
    ----------
    code : str
        County code of GB/T 2260.
    """
    found = _counties().get(code)
    if found is None:
        return None
    west, south, east, north = (float(side) for side in found["box"])
    return west, south, east, north


def county_name(code: str, lang: str) -> str:
    """Return the name of a county; its code where it is not on record.

    Parameters
    ----------
    code : str
        County code of GB/T 2260.
    lang : str
        ``zh`` or ``en``.
    """
    found = _counties().get(code)
    return str(found["name"][lang]) if found else code


@cache
def _provinces() -> dict[str, dict[str, str]]:
    text = resources.files("geo.survey").joinpath("provinces.yaml").read_text("utf-8")
    loaded: dict[str, dict[str, str]] = yaml.safe_load(text)
    return loaded


def province_name(code: str, lang: str) -> str:
    """Return the name of a province by the first two digits of its codes, else the digits."""
    found = _provinces().get(code[:2])
    return found[lang] if found else code[:2]

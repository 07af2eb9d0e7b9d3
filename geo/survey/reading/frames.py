"""The table of coordinate systems, ``frames.yaml``, and what is asked of it by EPSG code."""

from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any

import yaml
from pyproj import CRS

# How many systems each list of the table holds.
SPANS = {"geographic": 1, "gk6": 11, "cm6": 11, "gk3": 21, "cm3": 21}


@cache
def frames() -> dict[str, Any]:
    """Return the table of systems, ``frames.yaml``."""
    text = resources.files("geo.survey.reading").joinpath("frames.yaml").read_text("utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


@cache
def name_of(epsg: int) -> str:
    """Return the name EPSG gives a system."""
    return str(CRS.from_epsg(epsg).name)


@cache
def error_of(epsg: int) -> float:
    """Return how far off, in metres, a move of this system to CGCS2000 may be."""
    crs = CRS.from_epsg(epsg)
    datum = crs.datum.name if crs.datum is not None else ""
    if any(datum.startswith(known) for known in frames()["same_as_cgcs2000"]):
        return 0.0
    return max(float(one["error_m"]) for one in frames()["datums"].values())


@cache
def datum_of(epsg: int) -> str | None:
    """Return the datum of a system by its name in ``frames.yaml``, None for any other."""
    crs = CRS.from_epsg(epsg)
    named = crs.datum.name if crs.datum is not None else ""
    for name, one in frames()["datums"].items():
        if named == one["datum"]:
            return str(name)
    return None


def family(epsg: int) -> tuple[str, str, int] | None:
    """Return the datum, the kind of system and the number in its list, None for any other."""
    for name, one in frames()["datums"].items():
        for kind, span in SPANS.items():
            if 0 <= epsg - one[kind] < span:
                return name, kind, epsg - one[kind]
    return None


def other_datums(epsg: int) -> Iterator[int]:
    """Yield the same zone in the other datums: the choice a person makes most."""
    found = family(epsg)
    if found is not None:
        datum, kind, number = found
        for name, one in frames()["datums"].items():
            if name != datum:
                yield one[kind] + number

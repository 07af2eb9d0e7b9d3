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


def words_of(epsg: int, lang: str) -> str:
    """Return what people call a system, in their language; EPSG's own name of one not in the table.

    Raises
    ------
    pyproj.exceptions.CRSError
        If there is no such system at all.
    """
    named, found = frames()["named"], family(epsg)
    if found is None:
        told = named["others"].get(epsg)
        return str(told[lang]) if told else name_of(epsg)
    datum, kind, number = found
    zone, meridian = None, None
    if kind != "geographic":
        first = frames()["zones"][kind.replace("cm", "gk")]
        zone = first["first"] + number
        # Zones of six degrees are counted from Greenwich, those of three from 1.5° E.
        meridian = zone * 6 - 3 if first["width_deg"] == 6 else zone * 3
    text: str = named["kinds"][kind][lang]
    return text.format(datum=named["datums"][datum][lang], zone=zone, meridian=meridian)


@cache
def _by_name() -> dict[str, int]:
    table = frames()
    known = {
        one[kind] + number
        for one in table["datums"].values()
        for kind, span in SPANS.items()
        for number in range(span)
    }
    return {name_of(epsg): epsg for epsg in {*known, *table["named"]["others"]}}


def in_words(params: dict[str, Any], lang: str) -> dict[str, Any]:
    """Return the values of a stored sentence with EPSG's names of systems as people call them."""
    known = _by_name()
    return {
        key: words_of(known[value], lang) if isinstance(value, str) and value in known else value
        for key, value in params.items()
    }


def other_datums(epsg: int) -> Iterator[int]:
    """Yield the same zone in the other datums: the choice a person makes most."""
    found = family(epsg)
    if found is not None:
        datum, kind, number = found
        for name, one in frames()["datums"].items():
            if name != datum:
                yield one[kind] + number

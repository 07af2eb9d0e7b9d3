"""What a county sets of its ponds, only towards more protection (LOGIC L23, L24).

``ponds.yaml`` in the folder of the county's own rules::

    capture: {width_m: 150, height_m: 15}   # W and Z, never under the national figures
    counts: [village_track]                 # classes that count here, though elsewhere only shown
    classes:                                # classes of this county's own, which count
      solar_farm: {label: {zh: 光伏电站, en: Solar farm}, words: [光伏场], document: 县1号}
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from geo.rules.catalogue import PONDS, CatalogueError, composed, line_of, validated
from geo.settings import settings
from geo.survey.keys import content_key
from geo.survey.layers import fold, layer
from geo.survey.own_classes import FIELD, LAYER, OwnClass
from geo.tailings.parameters import terrain_rules
from geo.tailings.protected import protected_classes
from geo.tailings.siting_rules import siting_rules


class _Stated(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    capture: dict[Literal["width_m", "height_m"], float] = {}
    counts: tuple[str, ...] = ()
    classes: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], OwnClass] = {}


@dataclass(frozen=True)
class CountyPonds:
    """The figures of capture in force, and the classes that count here besides the national.

    `classes` are those no other county knows; like any class nobody knows they count (L24).
    """

    capture: dict[str, Any]
    counts: frozenset[str]
    classes: Mapping[str, OwnClass] = field(default_factory=dict)


def county_ponds(folder: Path | None) -> CountyPonds:
    """Return what is in force with what a county's folder states; the national without one.

    Parameters
    ----------
    folder : Path or None

    Raises
    ------
    CatalogueError
        By file and line, where it is not understood or would protect less.
    """
    national = terrain_rules()["capture"]
    path = None if folder is None else folder / PONDS
    if path is None or not path.exists():
        return CountyPonds(national, frozenset())
    faults: list[str] = []
    node, value = composed(path, faults)
    said = None if node is None else validated(_Stated, node, value, path, faults)
    if node is None or said is None:
        if faults:
            raise CatalogueError("\n".join(faults))
        return CountyPonds(national, frozenset())
    for name, figure in said.capture.items():
        if not national[name] <= figure < float("inf"):
            faults.append(
                f"{path.name}:{line_of(node, ('capture', name))}: {name} {figure:g} would loosen "
                f"the national figure {national[name]:g}"
            )
    known = protected_classes()
    for at, name in enumerate(said.counts):
        if name not in known["shown"]:
            shown = ", ".join(known["shown"])
            faults.append(f"{path.name}:{line_of(node, ('counts', at))}: {name} is none of {shown}")
    faults += _clashes(said.classes, node, path)
    if faults:
        raise CatalogueError("\n".join(faults))
    return CountyPonds({**national, **said.capture}, frozenset(said.counts), said.classes)


def _clashes(classes: Mapping[str, OwnClass], node: Any, path: Path) -> list[str]:
    """Return where a county's class would take a name or a word from another: none may lose any."""
    values = {
        name: words
        for name, words in layer(LAYER).fields[FIELD].values.items()
        if name in _national()
    }
    means = {fold(word): name for name, words in values.items() for word in (name, *words)}
    faults = []
    for name, one in classes.items():
        at = f"{path.name}:{line_of(node, ('classes', name))}"
        if name in values:
            faults.append(f"{at}: {name} is a national class")
        for word in (name, one.label.zh, *one.words):
            other = means.setdefault(fold(word), name)
            if other != name:
                faults.append(f"{at}: {word} already means {other}")
    return faults


def _national() -> set[str]:
    known = protected_classes()
    return {name for room in ("always", "important", "shown", "own") for name in known[room]}


@cache
def county_in_force() -> CountyPonds:
    """Return what is in force in the county of this installation."""
    return county_ponds(settings().county_rules)


def reckoned_by(county: CountyPonds) -> dict[str, Any]:
    """Return all the rules that verdicts and zones are reckoned by, method and figures."""
    return {
        "rules": [terrain_rules(), protected_classes(), siting_rules()["bank"]],
        "county": [county.capture, sorted(county.counts)],
    }


def reckoned_key() -> str:
    """Return them as a digest: what a run was reckoned by may be another by now."""
    return content_key(reckoned_by(county_in_force()))

"""Classes of protected objects that a county adds to the national ones (LOGIC L24).

They stand in the ``ponds.yaml`` of the county's own rules; :mod:`geo.tailings.county` judges that
file and tells its faults by line, here a class that is not understood is left out.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from geo.settings import settings

if TYPE_CHECKING:
    from geo.survey.layers import Layer

LAYER, FIELD = "protected_object", "object_class"
FILE = "ponds.yaml"


class Named(BaseModel):
    """A name for people, in both languages."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)


class OwnClass(BaseModel):
    """One class: what it is called, by which words surveys call it, and which document set it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: Named
    words: tuple[str, ...] = Field(min_length=1)
    document: str = Field(min_length=1)


def read(folder: Path | None) -> dict[str, OwnClass]:
    """Return the classes a county's folder adds, by name; those not understood are left out."""
    path = None if folder is None else folder / FILE
    if path is None or not path.exists():
        return {}
    try:
        said = yaml.safe_load(path.read_text("utf-8"))
    except yaml.YAMLError:
        return {}
    listed = said.get("classes") if isinstance(said, dict) else None
    found = {}
    for name, one in (listed if isinstance(listed, dict) else {}).items():
        try:
            found[str(name)] = OwnClass.model_validate(one)
        except ValidationError:
            continue
    return found


@cache
def own_classes() -> dict[str, OwnClass]:
    """Return the classes added in the county of this installation."""
    return read(settings().county_rules)


def with_classes(spec: "Layer", classes: Mapping[str, OwnClass]) -> "Layer":
    """Return the layer of protected objects that knows a county's classes, too.

    A national class stays what it is, and so does each of its words.
    """
    field = spec.fields[FIELD]
    taken = {word for words in field.values.values() for word in words}
    more: dict[str, Any] = {
        name: tuple(word for word in (one.label.zh, *one.words) if word not in taken)
        for name, one in classes.items()
        if name not in field.values
    }
    wider = field.model_copy(update={"values": {**field.values, **more}})
    return spec.model_copy(update={"fields": {**spec.fields, FIELD: wider}})

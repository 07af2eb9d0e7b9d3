"""Which objects below a pond count, and which are only shown (LOGIC L24)."""

from collections.abc import Collection, Mapping
from functools import cache
from importlib import resources
from typing import Any

import yaml


@cache
def protected_classes() -> dict[str, Any]:
    """Return the classes that count, with what they rest on."""
    text = resources.files(__package__).joinpath("protected_classes.yaml").read_text("utf-8")
    return dict(yaml.safe_load(text))


def counts(attrs: Mapping[str, Any], here: Collection[str] = ()) -> bool:
    """Tell whether an object counts; a class nobody knows does, for unknown is never low.

    Parameters
    ----------
    attrs : mapping
        object_class and removed, as a survey of protected objects gives them.
    here : collection of str
        Classes that count in this county though elsewhere they are only shown.
    """
    rule = protected_classes()
    shown = set(rule["shown"]) - set(here)
    return attrs.get("object_class") not in shown and attrs.get("removed") not in rule["gone"]


def own_of(attrs: Mapping[str, Any], pond: str) -> bool:
    """Tell whether an object is a pond's own service, which is shown and does not count for it.

    Whose it is must be said: one of an unknown pond counts for every pond.
    """
    own = attrs.get("object_class") in protected_classes()["own"]
    return own and str(attrs.get("own_pond") or "").strip() == pond


def people(attrs: Mapping[str, Any]) -> int | None:
    """Return how many people; None where nobody said, or said a range."""
    said = attrs.get("people")
    return round(said) if isinstance(said, int | float) and not isinstance(said, bool) else None

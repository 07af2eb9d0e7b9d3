"""The ordered scale of each hazard, and which of two grades is the higher (就高不就低)."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml


@dataclass(frozen=True)
class Hazard:
    """One hazard: its scale from low to high, and the mine kinds it belongs to."""

    code: str
    label: dict[str, str]
    kinds: tuple[str, ...]
    grades: tuple[str, ...]
    names: dict[str, dict[str, str]]
    colours: dict[str, str]

    def rank(self, grade: str) -> int:
        """Return the place of `grade` on the scale, 0 for the lowest.

        Raises
        ------
        ValueError
            If the scale has no such grade.
        """
        return self.grades.index(grade)


@cache
def _data() -> dict[str, Any]:
    return dict(yaml.safe_load(resources.files("geo").joinpath("hazards.yaml").read_text("utf-8")))


@cache
def hazards() -> dict[str, Hazard]:
    """Return every hazard by its code, in the order pages show them."""
    return {
        code: Hazard(
            code=code,
            label=spec["label"],
            kinds=tuple(spec["kinds"]),
            grades=tuple(g["code"] for g in spec["grades"]),
            names={g["code"]: {"zh": g["zh"], "en": g["en"]} for g in spec["grades"]},
            colours={g["code"]: g["colour"] for g in spec["grades"]},
        )
        for code, spec in _data()["hazards"].items()
    }


def hazards_of(kind: str) -> list[Hazard]:
    """Return the hazards a mine of `kind` is graded for."""
    return [hazard for hazard in hazards().values() if kind in hazard.kinds]


def higher_of(hazard: str, grades: Iterable[str | None]) -> str | None:
    """Return the highest of `grades` on the hazard's scale; None when there is none.

    None stands for "no claim", which is not the lowest grade (L5).
    """
    known = [grade for grade in grades if grade is not None]
    return max(known, key=hazards()[hazard].rank) if known else None


def grade_name(hazard: str, grade: str | None, lang: str) -> str:
    """Return the grade's name in the words of the trade; 未定 where there is none."""
    if grade is None:
        return str(colour_label("none", lang))
    return hazards()[hazard].names[grade][lang]


def colour_of(hazard: str, grade: str | None) -> str | None:
    """Return the display colour of one grade (L6), None where there is no grade."""
    return None if grade is None else hazards()[hazard].colours[grade]


def colour_label(colour: str, lang: str) -> str:
    """Return the words that stand beside a colour."""
    return str(_data()["colours"]["labels"][colour][lang])


def overall_colour(grades: dict[str, str | None]) -> str | None:
    """Return the highest colour over a mine's hazards (综合显示色), None where none is graded."""
    order = _data()["colours"]["order"]
    found = [colour_of(hazard, grade) for hazard, grade in grades.items()]
    return max((c for c in found if c), key=order.index, default=None)

"""Every sentence Minerisk says, in Chinese and English.

One YAML file per room; a key is ``room.name`` and stands in one file only.
"""

from functools import cache
from importlib import resources
from typing import Any

import yaml

LANGUAGES = ("zh", "en")


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """Return the whole catalogue.

    Raises
    ------
    ValueError
        If a key stands twice or lacks a language.
    """
    found: dict[str, dict[str, str]] = {}
    for entry in sorted(resources.files(__package__).iterdir(), key=lambda e: e.name):
        if not entry.name.endswith(".yaml"):
            continue
        for key, texts in (yaml.safe_load(entry.read_text("utf-8")) or {}).items():
            if key in found:
                raise ValueError(f"{entry.name}: {key} stands in two files")
            missing = [lang for lang in LANGUAGES if not texts.get(lang)]
            if missing:
                raise ValueError(f"{entry.name}: {key} lacks {', '.join(missing)}")
            found[key] = texts
    for name, label in _layer_labels().items():
        found.setdefault(f"layer.{name}", label)
    return found


def _layer_labels() -> dict[str, dict[str, str]]:
    """Return what each layer type is called in a sentence: a new layer is one file."""
    labels = {}
    for entry in resources.files("geo.survey").joinpath("layers").iterdir():
        if not entry.name.endswith(".yaml") or entry.name == "shared.yaml":
            continue
        # Name and label stand before all else; the fields are many and not needed here.
        head = yaml.safe_load(entry.read_text("utf-8").partition("\ngeometry:")[0])
        zh, en = head["label"]["zh"], head["label"]["en"]
        labels[head["name"]] = {"zh": zh, "en": en[:1].lower() + en[1:]}
    return labels


def language(wanted: str | None) -> str:
    """Return the catalogue language for a tag such as ``zh-CN``; Chinese by default."""
    return "en" if (wanted or "").lower().startswith("en") else "zh"


def say(code: str, lang: str, /, **params: Any) -> str:
    """Return the sentence `code` in `lang` with its values filled in.

    Raises
    ------
    KeyError
        If the catalogue has no such code, or a value is missing.
    """
    return catalogue()[code][language(lang)].format(**params)

"""The dictionary of layer types as people and machines read it."""

from typing import Any

from geo.survey.layers import Field, Layer, factors, layers


def field_entry(name: str, field: Field) -> dict[str, Any]:
    """Return one field: canonical name, labels, type, unit, words and aliases."""
    return {
        "name": name,
        "label": field.label.model_dump(),
        "type": field.type,
        "unit": field.unit,
        "required": field.required,
        "default": field.default,
        "values": {value: list(words) for value, words in field.values.items()},
        "aliases": list(field.aliases),
    }


def entry(one: Layer) -> dict[str, Any]:
    """Return one layer type with its fields, and which list of factors asks for it."""
    return {
        "name": one.name,
        "label": one.label.model_dump(),
        "factor": one.name in factors(),
        "geometry": list(one.geometry),
        "aliases": list(one.aliases),
        "listed": {kind: listed.model_dump() for kind, listed in one.listed.items()},
        "fields": [field_entry(name, field) for name, field in one.fields.items()],
    }


def dictionary() -> list[dict[str, Any]]:
    """Return every layer type: first those that are no factors, then the factors by name."""
    ordered = sorted(layers().values(), key=lambda one: (one.name in factors(), one.name))
    return [entry(one) for one in ordered]

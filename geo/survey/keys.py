"""Keys made of content: the same facts give the same key in every run, order and machine."""

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, frozenset | set):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no canonical form")


def canonical(content: Mapping[str, Any]) -> str:
    """Return `content` as JSON with sorted keys, no spaces and no NaN."""
    return json.dumps(
        content,
        sort_keys=True,
        ensure_ascii=False,
        separators=(",", ":"),
        default=_plain,
        allow_nan=False,
    )


def content_key(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the canonical form, in hex."""
    return hashlib.sha256(canonical(content).encode()).hexdigest()

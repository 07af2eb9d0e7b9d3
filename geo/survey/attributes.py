"""From a stranger's columns to the canonical fields of a layer."""

import base64
import math
from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any

from geo.problems import Problem
from geo.survey.check import Verdicts
from geo.survey.layers import Layer, fold, layers, map_fields
from geo.survey.reading.result import Notes
from geo.survey.values import read, unit_scale

Columns = dict[str, list[Any]]
_IDS = ("id", "fid", "objectid", "gid", "oid")


def plain(value: Any) -> Any:
    """Return a cell as JSON can hold it."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, str):
        # PostgreSQL's text and jsonb hold no NUL.
        return value.replace("\x00", "")
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    return value if isinstance(value, int | float | bool | type(None)) else str(value)


def mapping(
    columns: Sequence[str],
    layer: Layer,
    wanted: dict[str, str],
    remembered: dict[str, str] | None = None,
) -> tuple[dict[str, str], dict[str, str]]:
    """Return {source column: canonical field}, and which of it was only remembered.

    What a person set goes before what their organisation settled earlier (by folded name), and
    that before the names recognised. A setting for a field of another layer of the file does not
    concern this one.

    Raises
    ------
    Problem
        ``reader.mapping.*`` where a setting names a field that no layer has.
    """
    for column, target in wanted.items():
        known = any(target in one.fields for one in layers().values())
        if column in columns and target and not known:
            raise Problem("reader.mapping.field", field=target, layer=layer.label.zh)
    set_by_hand = {c: f for c, f in wanted.items() if c in columns and (not f or f in layer.fields)}
    taken = set(set_by_hand.values())
    before = {
        c: f
        for c in columns
        if (f := (remembered or {}).get(fold(c))) is not None
        and c not in set_by_hand
        and (not f or (f in layer.fields and f not in taken))
    }
    set_by_hand |= before
    taken = set(set_by_hand.values())
    found = {
        column: name
        for column, name in map_fields(columns, layer).items()
        if column not in set_by_hand and name not in taken
    }
    return found | {column: name for column, name in set_by_hand.items() if name}, before


def canonical(
    source: Columns,
    mapped: dict[str, str],
    layer: Layer,
    verdicts: Verdicts,
    notes: Notes,
    name: str,
) -> Columns:
    """Return the canonical columns of a layer; what was not understood is warned of, row by row.

    Parameters
    ----------
    source : dict of list
        Cells by source column.
    mapped : dict
        {source column: canonical field}.
    layer : Layer
    verdicts : Verdicts
        Grown by warnings.
    notes : Notes
        Grown by what is true of the whole layer.
    name : str
        The source's name, for the notes.
    """
    made: Columns = {}
    for column, target in mapped.items():
        spec = layer.fields[target]
        scale, strange = unit_scale(column, spec)
        if strange:
            notes.add(
                "warned", "reader.layer.unit", layer=layer.name, source_name=name,
                column=column, said=strange, unit=spec.unit,
            )  # fmt: skip
        cells = made.setdefault(target, [None] * verdicts.count)
        # Cells repeat: a column of two hundred thousand rows has few different words.
        known: dict[Any, tuple[Any, bool]] = {}
        for row, cell in enumerate(source[column]):
            key = (type(cell), cell if cell.__hash__ else repr(cell))
            if key not in known:
                known[key] = read(cell, spec, scale)
            cells[row], understood = known[key]
            if not understood:
                verdicts.warn(
                    row, "reader.row.value", field=spec.label.zh, field_en=spec.label.en,
                    value=str(cell)[:60],
                )  # fmt: skip
    for target, spec in layer.fields.items():
        if spec.default is None:
            continue
        cells = made.setdefault(target, [None] * verdicts.count)
        missing = [row for row, value in enumerate(cells) if value is None]
        for row in missing:
            cells[row] = spec.default
        if missing:
            notes.add(
                "warned", "reader.layer.default", layer=layer.name, source_name=name,
                field=spec.label.zh, field_en=spec.label.en, value=spec.values[spec.default][0],
                value_en=spec.default, rows=len(missing),
            )  # fmt: skip
    return made


def own_mine(made: Columns, layer: Layer, mine_code: str | None, verdicts: Verdicts) -> None:
    """Fill in the mine of rows that name none with the one the sender named."""
    if mine_code and "mine_code" in layer.fields:
        cells = made.setdefault("mine_code", [None] * verdicts.count)
        for row, value in enumerate(cells):
            if value is None:
                cells[row] = mine_code


def name_mines(made: Columns, source: Columns, verdicts: Verdicts) -> None:
    """Give a mine boundary what it needs and lacks: a code, a name, a kind. Each is warned of.

    The code is taken from the name, else from a column of row numbers; the kind from the name
    (露天, 煤), else coal, whose hazards are the most, so that none goes unasked.
    """
    count = verdicts.count
    codes = made.setdefault("mine_code", [None] * count)
    names = made.setdefault("mine_name", [None] * count)
    sorts = made.setdefault("mine_kind", [None] * count)
    ids = next((column for column in source if fold(column) in _IDS), None)
    for row in range(count):
        if codes[row] is None and names[row] is not None:
            codes[row] = names[row]
            verdicts.warn(row, "reader.row.code_from_name", mine=codes[row])
        elif codes[row] is None and ids is not None and source[ids][row] is not None:
            codes[row] = str(source[ids][row])
            verdicts.warn(row, "reader.row.code_from_id", mine=codes[row], column=ids)
        if names[row] is None and codes[row] is not None:
            names[row] = codes[row]
            verdicts.warn(row, "reader.row.name_from_code", mine=codes[row])
        if sorts[row] is None:
            said = str(names[row] or "").casefold()
            open_pit = any(word in said for word in ("露天", "采石", "open pit", "opencast"))
            sorts[row] = "open_pit" if open_pit else "coal"
            verdicts.warn(row, f"reader.row.kind_assumed_{sorts[row]}")

"""Layer types: what a survey layer may hold, by which names strangers call it.

The types are data: ``geo/survey/layers/<name>.yaml``, one file per layer, with the fields several
layers share in ``shared.yaml``.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from geo.survey.own_classes import LAYER as WITH_OWN
from geo.survey.own_classes import own_classes, with_classes

DBF_NAME_BYTES = 10
_SHARED = "shared"
# libyaml's reader is ten times as fast, where the wheel brings it.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Label(_Data):
    """A name for people."""

    zh: str
    en: str


class Field(_Data):
    """One canonical field of a layer.

    ``values`` gives, for each canonical value, the words that mean it. ``end`` marks a date of
    which a bare year or month means the last day. ``all`` are words for every value but those of
    ``beside``. ``default`` is what a missing value is taken as; the row report says how often that
    happened. ``not_clear`` names the values that say nobody knows: to a rule they are as missing as
    an empty cell.
    """

    type: Literal["text", "seam", "number", "date", "bool", "choice", "list"]
    label: Label
    aliases: tuple[str, ...] = ()
    unit: str | None = None
    values: dict[str, tuple[str, ...]] = {}
    all: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    of: Literal["seam"] | None = None
    end: bool = False
    required: bool = False
    default: str | None = None
    not_clear: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _whole(self) -> "Field":
        if self.type == "choice" and not self.values:
            raise ValueError("a choice needs values")
        if self.type == "number" and self.unit is None:
            raise ValueError("a number needs a unit")
        if self.default is not None and self.default not in self.values:
            raise ValueError(f"default {self.default} is not among the values")
        if lost := set(self.not_clear) - set(self.values):
            raise ValueError(f"not_clear names no value {', '.join(sorted(lost))}")
        return self


class NotClear(str):
    """A word that a cell states and that says nobody knows (不清)."""

    __slots__ = ()


class Listed(_Data):
    """Where a list of factors that must be looked for names this one; `item` is its word there."""

    standard: str
    item: str | None
    verified: bool


class Layer(_Data):
    """One layer type.

    `listed` says, by mine kind, which list of factors asks for it; `room` what it bears on: mines'
    grades, or tailings ponds.
    """

    name: str
    room: Literal["mines", "ponds"] = "mines"
    label: Label
    geometry: tuple[Literal["polygon", "line", "point"], ...]
    aliases: tuple[str, ...]
    order: tuple[tuple[str, str], ...] = ()
    listed: dict[Literal["coal", "metal_underground", "open_pit"], Listed] = {}
    fields: dict[str, Field]

    @field_validator("fields", mode="before")
    @classmethod
    def _with_shared(cls, fields: dict[str, Any]) -> dict[str, Any]:
        return {name: _resolved(spec) for name, spec in fields.items()}

    @model_validator(mode="after")
    def _known(self) -> "Layer":
        for pair in self.order:
            for name in pair:
                if name not in self.fields:
                    raise ValueError(f"{self.name}: order names no field {name}")
        return self


def _resolved(spec: dict[str, Any]) -> dict[str, Any]:
    if "use" not in spec:
        return spec
    own = {key: value for key, value in spec.items() if key != "use"}
    base = _shared()[spec["use"]]
    # A layer's own aliases come first: they are nearer to what its files say.
    return {**base, **own, "aliases": [*own.get("aliases", []), *base.get("aliases", [])]}


def _load(name: str) -> dict[str, Any]:
    text = resources.files("geo.survey").joinpath("layers", f"{name}.yaml").read_text("utf-8")
    loaded: dict[str, Any] = yaml.load(text, Loader=_Loader)  # noqa: S506 -- a safe loader
    return loaded


@cache
def _shared() -> dict[str, Any]:
    return _load(_SHARED)


@cache
def layers() -> dict[str, Layer]:
    """Return every layer type by name, in the order of their names."""
    folder = resources.files("geo.survey").joinpath("layers")
    names = sorted(e.name[:-5] for e in folder.iterdir() if e.name.endswith(".yaml"))
    specs = {name: _load(name) for name in names if name != _SHARED}
    # What an extent may say it looked for is every factor on a list: a new factor is one file.
    words = specs["survey_extent"]["fields"]["kinds"]["values"]
    for name, spec in specs.items():
        if spec.get("listed"):
            words.setdefault(name, [spec["label"]["zh"], *spec["aliases"]])
    found = {name: Layer(**spec) for name, spec in specs.items()}
    for name, one in found.items():
        if one.name != name:
            raise ValueError(f"{name}.yaml calls itself {one.name}")
    if own := own_classes():
        found[WITH_OWN] = with_classes(found[WITH_OWN], own)
    return found


def not_clear(layer_name: str, field: str) -> tuple[str, ...]:
    """Return the values of a field that say nobody knows; none where there is no such field."""
    found = layers()[layer_name].fields.get(field) if layer_name in layers() else None
    return found.not_clear if found is not None else ()


def stated(layer_name: str, attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of a row with each word that says nobody knows marked as such."""
    return {
        name: NotClear(value) if value in not_clear(layer_name, name) else value
        for name, value in attrs.items()
    }


@cache
def pond_layers() -> tuple[str, ...]:
    """Return the layers that bear on tailings ponds and on no mine's grade."""
    return tuple(name for name, one in layers().items() if one.room == "ponds")


def is_of_ponds(name: str, attrs: Mapping[str, Any]) -> bool:
    """Tell whether a row belongs to ponds and to no mine: its layer does, or all it looked for."""
    if name != "survey_extent":
        return name in pond_layers()
    sought = set(attrs.get("kinds") or ())
    return bool(sought) and sought <= set(layers()[name].fields["kinds"].beside)


@cache
def factors() -> tuple[str, ...]:
    """Return the layers of factors: what may meet a mine's plan or field."""
    return tuple(
        name for name, one in layers().items() if one.room == "mines" and name not in NOT_FACTORS
    )


def layer(name: str) -> Layer:
    """Return the layer type `name`.

    Raises
    ------
    KeyError
        If there is no such layer.
    """
    return layers()[name]


NOT_FACTORS = ("mine_boundary", "plan_item", "survey_extent")


@cache
def sought(kind: str) -> tuple[str, ...]:
    """Return the factor kinds that the lists ask for in mines of `kind`, the first list's first.

    For coal the fifteen of the 2021 notice, otherwise those of 矿安〔2022〕76号.
    """
    return tuple(name for name, one in layers().items() if kind in one.listed)


_BRACKET = re.compile(r"[(\[{<（【].*$", re.DOTALL)
# A cut in the middle of a character leaves one of these behind.
_RUBBISH = re.compile(r"[\ufffd?\x00-\x1f\x7f-\x9f\ue000-\uf8ff]+$")


def fold(text: str, *, bracket: bool = True) -> str:
    """Return `text` with case, width, spaces and separators folded away.

    Parameters
    ----------
    text : str
        A name as somebody typed it.
    bracket : bool
        Also drop a trailing bracket, such as a unit, even one that was cut open.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    if bracket:
        folded = _BRACKET.sub("", folded) or folded
    return re.sub(r"[\s_\-—.,:;、，。·#]+", "", _RUBBISH.sub("", folded))


def _cuts(alias: str) -> set[str]:
    """Return what is left of `alias` in a .dbf, whose names hold ten bytes."""
    left = set()
    for encoding in ("gb18030", "utf-8"):
        data = alias.encode(encoding)
        if len(data) > DBF_NAME_BYTES:
            left.add(fold(data[:DBF_NAME_BYTES].decode(encoding, "ignore")))
    return left


@cache
def _names(layer_name: str) -> tuple[dict[str, tuple[int, str]], dict[str, set[str]]]:
    """Return full names → (rank, field), and cut names → the fields they may be."""
    whole: dict[str, tuple[int, str]] = {}
    cut: dict[str, set[str]] = {}
    for field_name, field in layer(layer_name).fields.items():
        spoken = (field_name, field.label.zh, field.label.en, *field.aliases)
        for rank, alias in enumerate(spoken):
            key = fold(alias)
            if key not in whole or rank < whole[key][0]:
                whole[key] = (rank, field_name)
            for left in _cuts(alias):
                cut.setdefault(left, set()).add(field_name)
    return whole, cut


def _apart(fields: Iterable[str]) -> list[str]:
    """Return the canonical names that stay apart when cut at ten bytes."""
    left = [field[:DBF_NAME_BYTES] for field in fields]
    return [field for field in fields if left.count(field[:DBF_NAME_BYTES]) == 1]


def map_fields(columns: Iterable[str], layer: str | Layer) -> dict[str, str]:
    """Return {source column: canonical field} for the columns that are recognised.

    Names are compared folded; a name cut at ten bytes of GBK (or UTF-8), as a .dbf cuts it, counts
    where only one field can be meant. Where two columns mean one field, the nearer name wins and
    the other stays unmapped.

    Parameters
    ----------
    columns : iterable of str
        Column names of the source.
    layer : str or Layer
        The layer type.
    """
    name = layer if isinstance(layer, str) else layer.name
    whole, cut = _names(name)
    own = {field: field for field in layers()[name].fields}
    own |= {field[:DBF_NAME_BYTES]: field for field in _apart(own)}
    best: dict[str, tuple[int, str]] = {}
    for column in columns:
        key = fold(column)
        if column.strip().casefold() in own:
            rank, field = -1, own[column.strip().casefold()]
        elif key in whole:
            rank, field = whole[key]
        elif len(cut.get(key, ())) == 1:
            rank, field = 1000, next(iter(cut[key]))
        else:
            continue
        if field not in best or rank < best[field][0]:
            best[field] = (rank, column)
    return {column: field for field, (_, column) in best.items()}


def guess_layer(source_name: str, columns: Iterable[str] = ()) -> str | None:
    """Return the layer type a source most likely is, or None where that is not clear.

    The longest alias found in the name decides; where the name says nothing, the type that alone
    recognises most of the columns, and at least three.

    Parameters
    ----------
    source_name : str
        File or table name, without its folder.
    columns : iterable of str
        Column names, used where the name says nothing.
    """
    name = fold(source_name, bracket=False)
    hits: list[tuple[int, str]] = []
    for one in layers().values():
        lengths = [len(a) for a in map(fold, (one.name, *one.aliases)) if _holds(name, a)]
        if lengths:
            hits.append((max(lengths), one.name))
    if hits:
        top = max(hits)[0]
        first = [found for length, found in hits if length == top]
        if len(first) == 1:
            return first[0]
    listed = list(columns)
    counts = sorted(((len(map_fields(listed, n)), n) for n in layers()), reverse=True)
    if counts[0][0] >= 3 and counts[0][0] > counts[1][0]:
        return counts[0][1]
    return None


def _holds(name: str, alias: str) -> bool:
    # Short Latin names (zk, hq) would be found inside any word: they must be the whole name, but
    # for figures and brackets around it.
    if alias.isascii() and len(alias) <= 4:
        return re.sub(r"[\d()]+", "", name) == alias
    return alias in name

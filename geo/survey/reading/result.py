"""What is asked of the reader and what it answers."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

import geopandas as gpd
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from geo.crs import GEOGRAPHIC
from geo.survey.reading.crs import CrsProposal, Said
from geo.survey.reading.datums import SevenParameters

OUTCOMES = ("stored", "mended", "refused", "warned")
NOTE_COLUMNS = ("layer", "source_name", "row_no", "outcome", "code", "params", "geometry")


class Statement(BaseModel):
    """What its sender says of an elevation model; its coordinate system stands in the options."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = Field(min_length=1, max_length=200, description="Who made it.")
    dated: date = Field(description="Day of the ground it shows.")
    error_m: float = Field(gt=0, le=1000, description="Stated error of its heights, in metres.")
    unit: str | None = Field(
        default=None, max_length=40, description="Unit of heights, where the file says it wrong."
    )


class ReadOptions(BaseModel):
    """How a file is to be read where the sender knows better than the file. JSON-able.

    Each setting left out is found out from the file, and the answer says how.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    layer: str | None = Field(default=None, description="Layer type of every source.")
    layers: dict[str, str] = Field(
        default={}, description="Layer type by source name; before `layer`."
    )
    crs: int | None = Field(default=None, description="EPSG code of the coordinates.")
    crs_of: dict[str, int | None] = Field(
        default={}, description="EPSG code by source name, none: as the file says; before `crs`."
    )
    encoding: str | None = Field(default=None, description="Encoding of the .dbf text.")
    encoding_of: dict[str, str | None] = Field(
        default={}, description="The same by source name, none: as found out; before `encoding`."
    )
    mine_code: str | None = Field(default=None, description="Mine of rows that name none.")
    mapping: dict[str, str] = Field(
        default={}, description="Source field → canonical field; an empty word unmaps."
    )
    mapping_of: dict[str, dict[str, str]] = Field(
        default={}, description="The same by source name; before `mapping`."
    )
    corrects: UUID | None = Field(
        default=None, description="The row on record whose place the file's one row takes."
    )
    error_m: float = Field(
        default=0.0, ge=0, description="Positional error its sender states, in metres."
    )
    terrain: Statement | None = Field(
        default=None, description="The file is an elevation model, or a zip of its sheets."
    )
    hint_lonlat: tuple[float, float] | None = Field(
        default=None, description="Where the mine lies, for eastings without a zone prefix."
    )
    county_bbox: tuple[float, float, float, float] | None = Field(
        default=None, description="West, south, east, north; what lies well outside is warned of."
    )
    remembered: dict[str, dict[str, str]] = Field(
        default={}, description="Layer → folded column → field, as the sender settled it before."
    )
    remembered_layers: dict[str, str] = Field(
        default={}, description="Folded source name → layer type, as the sender settled it before."
    )
    remembered_encodings: dict[str, str] = Field(
        default={}, description="Folded source name → encoding, as the sender settled it before."
    )
    datums: dict[str, SevenParameters] = Field(
        default={}, description="The county's seven parameters, by datum: xian80, beijing54."
    )

    def chosen_crs(self, source: str) -> int | None:
        """Return the system its sender chose for a source, None where the file says."""
        return self.crs_of.get(source, self.crs)

    def encodings_said(self, source: str, alone: bool) -> list[str | None]:
        """Return what its sender said of a source's encoding, the last word last; None: find out.

        A drawing is one file with one encoding: what is said of any of its layers goes for it.
        """
        return [
            name
            for of, name in self.encoding_of.items()
            if alone or of == source or of.startswith(f"{source}/")
        ]

    def mapped_by_hand(self, source: str) -> dict[str, str]:
        """Return the fields its sender chose for a source."""
        return {**self.mapping, **self.mapping_of.get(source, {})}

    def place(self) -> tuple[float, float] | None:
        """Return where the file should lie: the mine's place, else the middle of the county."""
        if self.hint_lonlat is not None or self.county_bbox is None:
            return self.hint_lonlat
        west, south, east, north = self.county_bbox
        return (west + east) / 2, (south + north) / 2


class Notes:
    """The row report while it grows: what happened to each row, and where."""

    def __init__(self) -> None:
        self._rows: list[tuple[Any, ...]] = []

    def add(
        self,
        outcome: str,
        code: str,
        *,
        layer: str = "",
        source_name: str = "",
        row_no: int | None = None,
        geometry: Any = None,
        **params: Any,
    ) -> None:
        """Add one line; `row_no` None speaks of the whole layer, `layer` "" of the whole file."""
        if outcome not in OUTCOMES:
            raise ValueError(outcome)
        self._rows.append((layer, source_name, row_no, outcome, code, params, geometry))

    def frame(self) -> gpd.GeoDataFrame:
        """Return the report in the order of layers and rows."""
        columns: Iterator[Iterable[Any]] = zip(*self._rows, strict=True) if self._rows else iter(())
        named = dict(zip(NOTE_COLUMNS, columns, strict=False))
        data = {
            name: pd.Series(list(named.get(name, ())), dtype=object) for name in NOTE_COLUMNS[:-1]
        }
        geometry = gpd.GeoSeries(list(named.get("geometry", ())), crs=GEOGRAPHIC)
        return gpd.GeoDataFrame(data, geometry=geometry, crs=GEOGRAPHIC)


@dataclass(frozen=True)
class LayerRead:
    """One source layer as read: how it was taken, and the rows fit to be stored.

    `layer` is None where the type must be asked; `frame` is then empty and every row refused.
    `rows` = len(frame) + `refused`; the `mended` are among the stored. `frame` is in EPSG:4490 with
    columns row_no (from 1), canonical fields, raw (dict), error_m (metres), geometry.
    """

    layer: str | None
    source_name: str
    rows: int
    refused: int
    mended: int
    warned: int
    encoding: str | None
    encoding_reason: Said | None
    samples: list[dict[str, Any]]
    crs: CrsProposal | None
    mapping: dict[str, str]
    frame: gpd.GeoDataFrame

    @property
    def stored(self) -> int:
        """Rows fit to be stored."""
        return len(self.frame)

    def summary(self) -> dict[str, Any]:
        """Return everything but the rows, JSON-able."""
        return {
            "layer": self.layer,
            "source_name": self.source_name,
            "rows": self.rows,
            "stored": self.stored,
            "mended": self.mended,
            "refused": self.refused,
            "warned": self.warned,
            "encoding": self.encoding,
            "encoding_reason": self.encoding_reason,
            "crs": self.crs.as_dict() if self.crs else None,
            "samples": self.samples,
            "mapping": self.mapping,
        }


@dataclass(frozen=True)
class ReadResult:
    """A whole file as read: its layers, and the report of every row."""

    layers: list[LayerRead] = field(default_factory=list)
    notes: gpd.GeoDataFrame = field(default_factory=lambda: Notes().frame())

    @property
    def rows(self) -> int:
        """Rows in the file."""
        return sum(one.rows for one in self.layers)

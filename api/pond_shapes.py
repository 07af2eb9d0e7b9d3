"""What the routes of ponds are sent, with examples for the documentation."""

import json
from typing import Any, Literal

import shapely
from pydantic import BaseModel, ConfigDict, Field, field_validator

from api.shapes import Day
from geo.tailings.siting import Proposal

_MOST_VERTICES = 2000


class _Sent(BaseModel):
    model_config = ConfigDict(extra="forbid")


def _geometry(said: dict[str, Any]) -> dict[str, Any]:
    """Return GeoJSON that can be drawn, in degrees.

    Raises
    ------
    ValueError
        With the code of the sentence that says what is wrong.
    """
    try:
        shape = shapely.from_geojson(json.dumps(said))
    except shapely.errors.GEOSException:
        raise ValueError("api.not_geojson") from None
    west, south, east, north = shape.bounds if not shape.is_empty else (0, 0, 0, 0)
    in_country = 73 <= west <= east <= 136 and 3 <= south <= north <= 54
    if not in_country or shapely.get_num_coordinates(shape) > _MOST_VERTICES:
        raise ValueError("api.not_geojson")
    return said


class Happened(_Sent):
    """One dated fact or decision of a pond's life."""

    kind: str = Field(examples=["works_started"], max_length=40)
    on: Day = Field(examples=["2024-08-20"])
    detail: str = Field("", examples=["6"], max_length=200)
    document: str = Field("", examples=["示例闭字〔2024〕6号"], max_length=400)
    proven_only: bool = False


class HeadTopSaid(_Sent):
    """What a list, an evaluation, a site check or a decision says."""

    source: Literal["official_list", "evaluation", "site_check", "decision"]
    outcome: Literal["yes", "no"]
    on: Day = Field(examples=["2024-08-20"])
    document: str = Field(examples=["示例核字〔2024〕3号"], max_length=400)


class Site(_Sent):
    """What is to be built and where (GeoJSON, degrees); what is left out is not stated."""

    action: Literal["new", "rebuild", "expand"] = "new"
    toe: dict[str, Any] = Field(examples=[{"type": "Point", "coordinates": [112.59, 38.82]}])
    body: dict[str, Any] | None = None
    height_m: float | None = Field(None, examples=[28.0], gt=0, le=1000)
    volume_m3: float | None = Field(None, examples=[600000.0], gt=0, le=1e11)
    one_step: bool | None = None
    replaces: list[str] = Field([], examples=[["SL-T10"]], max_length=50)
    raises_safety: bool | None = None

    @field_validator("toe", "body")
    @classmethod
    def _drawn(cls, said: dict[str, Any] | None) -> dict[str, Any] | None:
        return None if said is None else _geometry(said)

    def proposal(self) -> Proposal:
        """Return it as the rules want it."""
        body = None if self.body is None else shapely.geometry.shape(self.body)
        return Proposal(
            self.action,
            shapely.geometry.shape(self.toe),
            body,
            self.height_m,
            self.volume_m3,
            self.one_step,
            tuple(self.replaces),
            self.raises_safety,
        )


class NewObject(_Sent):
    """A house, school or factory to be built; GeoJSON in CGCS2000 degrees."""

    place: dict[str, Any] = Field(examples=[{"type": "Point", "coordinates": [112.59, 38.83]}])
    error_m: float = Field(0.0, ge=0, le=1000)

    @field_validator("place")
    @classmethod
    def _drawn(cls, said: dict[str, Any]) -> dict[str, Any]:
        return _geometry(said)

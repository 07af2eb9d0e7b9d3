"""What the service is sent, with examples for its documentation."""

from datetime import date
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from api.auth import FIRST_DAY, LAST_DAY
from geo.survey.reading.result import Statement

Day = Annotated[date, Field(ge=FIRST_DAY, le=LAST_DAY)]


class _Sent(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SignIn(_Sent):
    """Login and password."""

    login: str = Field(examples=["zhang"], max_length=200)
    password: str = Field(examples=["a long password"], max_length=200)


class NewPassword(_Sent):
    """The present password, and the one to be."""

    present: str = Field(max_length=200)
    fresh: str = Field(max_length=200)


class Again(_Sent):
    """How the same bytes are to be read instead."""

    layer: str | None = Field(None, examples=["goaf"], max_length=60)
    crs: int | None = Field(None, examples=[4526])
    encoding: str | None = Field(None, examples=["GB18030"], max_length=60)
    mine_code: str | None = Field(None, examples=["SL-C01"], max_length=200)
    mapping: dict[str, str] = Field({}, examples=[{"编号": "code"}])
    layers: dict[str, str] = Field({}, examples=[{"图层1": "goaf"}])
    crs_of: dict[str, int | None] = Field({}, examples=[{"断层": 4527}])
    encoding_of: dict[str, str | None] = Field({}, examples=[{"断层": "GB18030"}])


class Beginning(_Sent):
    """A large file to be sent in pieces, and how it is to be read."""

    reading: ClassVar = ("layer", "crs", "encoding", "mine_code", "mapping", "terrain")

    filename: str = Field(examples=["三维激光扫描.zip"], min_length=1, max_length=200)
    size: int = Field(examples=[524288000], ge=1, le=2**40)
    sha256: str | None = Field(None, examples=[None], pattern="^[0-9a-fA-F]{64}$")
    mark: str = Field("", examples=["2024-05-01T08:00:00"], max_length=100)
    layer: str | None = Field(None, examples=["goaf"], max_length=60)
    crs: int | None = Field(None, examples=[4526])
    encoding: str | None = Field(None, examples=["GB18030"], max_length=60)
    mine_code: str | None = Field(None, examples=["SL-C01"], max_length=200)
    mapping: dict[str, str] = Field({}, examples=[{"编号": "code"}])
    terrain: Statement | None = Field(None, description="Of an elevation model", examples=[None])


class SentModel(_Sent):
    """The upload of an elevation model that was read."""

    upload_id: UUID


class Answer(_Sent):
    """Whether a row is the object it looks like."""

    same: bool = Field(examples=[True])


class Submission(_Sent):
    """Submit a staged upload; it may name the accepted survey it replaces."""

    supersedes: UUID | None = None


class Reviewed(_Sent):
    """Reason and document of an act on a survey."""

    reason: str = Field(examples=["审核通过"], max_length=4000)
    document: str = Field("", examples=["示例审字〔2024〕5号"], max_length=400)


class Said(_Sent):
    """A grade that an enterprise declares, an institution appraised or the regulator decides."""

    hazard: str = Field(examples=["gas"], max_length=60)
    grade: str = Field(examples=["high"], max_length=60)
    source: Literal["declared", "appraisal", "decision"]
    document: str = Field(examples=["示例鉴字〔2023〕3号"], max_length=400)
    valid_from: Day = Field(examples=["2023-09-01"])
    valid_to: Day | None = None
    seam: str | None = Field(None, examples=["3"], max_length=60)

    @model_validator(mode="after")
    def _in_order(self) -> "Said":
        if self.valid_to is not None and self.valid_to < self.valid_from:
            raise ValueError("api.ends_before")
        return self


class End(_Sent):
    """An ending that a second person must confirm."""

    target_kind: Literal["claim", "factor", "plan_item"]
    target_key: str = Field(description="Of a claim or factor, as a mine shows it", max_length=64)
    kind: Literal["superseded", "treated", "finished", "error", "released"]
    reason: str = Field(examples=["采空区已充填并验收"], max_length=4000)
    document: str = Field(examples=["示例验字〔2024〕1号"], max_length=400)
    cites_survey: UUID | None = None


class Adopted(_Sent):
    """The rule set to adopt: the version looked at, with reason and document."""

    version: str = Field(description="As /rules/sets names the one that waits", max_length=64)
    reason: str = Field(examples=["新标准施行"], max_length=4000)
    document: str = Field(examples=["示例规字〔2024〕1号"], max_length=400)


class Settled(_Sent):
    """Whether a second person confirms a proposal; who refuses says why."""

    confirm: bool = Field(examples=[True])
    reason: str = Field("", max_length=4000, examples=["附件缺验收结论"])


class Measures(_Sent):
    """Who resolves an unclear factor, how and by when; the newest on record counts."""

    factor: str = Field(examples=["3f0c9a…"], max_length=200, description="Key of the factor")
    measures: str = Field(examples=["钻探验证积水范围"], min_length=1, max_length=2000)
    responsible: str = Field(examples=["总工程师 张某"], min_length=1, max_length=200)
    due: Day = Field(examples=["2024-12-31"])


class Contracted(_Sent):
    """When a survey unit was to work in a mine; either end may be open."""

    survey_unit: str = Field(examples=["某院"], max_length=200)
    begins: Day | None = None
    ends: Day | None = None
    document: str = Field(examples=["合同1号"], max_length=400)


class Reported(_Sent):
    """Tonnes a mine reported for a time."""

    since: Day = Field(examples=["2024-01-01"])
    until: Day = Field(examples=["2024-12-31"])
    tonnes: float = Field(gt=0, examples=[900000.0])
    document: str = Field(examples=["2024年报"], max_length=400)


class Considered(_Sent):
    """What a person made of a finding of screening."""

    outcome: Literal["asked", "explained", "incomplete", "doubtful"]
    reason: str = Field(examples=["已核对原始记录"], max_length=4000)
    document: str = Field("", max_length=400)


class Decided(_Sent):
    """What is decided of an objection: kept, changed to a grade, or returned with remarks."""

    outcome: Literal["kept", "changed", "returned"]
    reason: str = Field(examples=["依据充分"], max_length=4000)
    document: str = Field("", examples=["示例复字〔2024〕3号"], max_length=400)
    grade: str | None = Field(None, examples=["medium"], max_length=60)

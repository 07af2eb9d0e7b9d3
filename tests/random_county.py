"""A county that happens at random, from a seed: uploads and what people do with them."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from sqlalchemy import select, update

from geo.problems import Problem
from geo.settings import Settings
from geo.store import decisions, intake
from geo.store.engine import SYSTEM, Actor, connect
from geo.store.staging import stage
from geo.store.standing import open_claims
from geo.store.tables import feature, upload
from geo.survey.reading import ReadOptions
from geo.survey.reading.result import LayerRead, ReadResult
from tests.conftest import TODAY

UPLOADS = 20
# Mines lie in a row across the edge of two zones at 112.5° E.
WEST, SOUTH, WIDE, HIGH = 112.44, 38.80, 0.03, 0.02
Rows = list[tuple[dict[str, Any], shapely.Geometry]]
LOW = {
    "q_l_sm": 0.05, "q1_m3h": 100.0, "q2_m3h": 200.0, "q3_m3h": 20.0, "gas_relative_m3t": 3.0,
    "gas_absolute_m3min": 10.0, "gas_heading_m3min": 1.0, "gas_face_m3min": 2.0,
}  # fmt: skip
FACTORS = ("goaf", "goaf", "goaf", "fault", "rock_burst_area", "gas_rich_area", "aquifer")
LAYERS = (*FACTORS, "plan_item", "plan_item", "survey_extent", "survey_extent", "mine_boundary")
# What the world may refuse an honest person: it is no fault, and nothing is changed by it.
REFUSED = {"store.would_lower", "store.lowers_more", "store.sensitive", "store.held_needs_survey"}


def _place(x: float, y: float) -> tuple[float, float]:
    return WEST + x * WIDE, SOUTH + y * HIGH


@dataclass
class County:
    """Random uploads and acts on a store's own doors; one seed, one story."""

    settings: Settings
    people: dict[str, Actor]
    folder: Path
    seed: int
    count: int = 0
    mines: dict[str, float] = field(default_factory=dict)
    accepted: dict[UUID, str] = field(default_factory=dict)
    waiting: list[UUID] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = random.Random(f"county {self.seed}")
        x = 0.0
        for number in range(self.rng.randint(2, 4)):
            self.mines[f"M{number}"] = x
            x += 1.0 + self.rng.choice([0.0, 0.0, 0.02, 0.4])

    def uploads(self) -> Iterator[str]:
        """Send the county's uploads one by one, each with what follows; yields what was done."""
        yield self._step("mine_boundary", list(self.mines), accept=True)
        yield self._step("plan_item", list(self.mines), accept=True)
        while self.count < UPLOADS:
            layer = self.rng.choice(LAYERS)
            codes = [self.rng.choice(list(self.mines)) for _ in range(self.rng.randint(1, 3))]
            yield self._step(layer, codes)

    def _step(self, layer: str, codes: list[str], *, accept: bool = False) -> str:
        rng, self.told = self.rng, []
        older = [one for one, of in self.accepted.items() if of == layer]
        replaced = rng.choice(older) if older and rng.random() < 0.3 else None
        rows: Rows = [self._row(layer, code) for code in dict.fromkeys(codes)]
        survey_id = self._submit(layer, rows, replaced)
        self.told.append(f"{layer} {codes}" + (" replacing" if replaced else ""))
        fate = 0.0 if accept else rng.random()
        if fate < 0.8:
            self._accept(survey_id, layer)
        elif fate < 0.9:
            self._try("return", decisions.return_, survey_id, "请补充")
        else:
            self.waiting.append(survey_id)
        self._acts()
        return f"upload {self.count}: {', '.join(self.told)}"

    def _acts(self) -> None:
        """Do at random what else an office does between two uploads."""
        rng = self.rng
        if self.waiting and rng.random() < 0.3:
            self._accept(self.waiting.pop(0), "waited")
        if len(self.accepted) > 3 and rng.random() < 0.12:
            false = rng.choice(list(self.accepted)[2:])
            if self._try("revoke", decisions.revoke, false, "虚假", "撤1号"):
                del self.accepted[false]
        if rng.random() < 0.15:
            self._end()
        if rng.random() < 0.15:
            said = rng.choice([("gas", "high"), ("gas", "outburst"), ("hydro", "complex")])
            code, source = rng.choice(list(self.mines)), rng.choice(["appraisal", "decision"])
            document = f"{self.count}号"
            self._try("assert", decisions.assert_claim, code, *said, source, document, TODAY)

    def _end(self) -> None:
        """End a factor, a working or a claim, by two persons."""
        rng = self.rng
        target = rng.choice(["factor", "plan_item", "claim"])
        with connect(self.settings, "worker", SYSTEM) as conn:
            if target == "claim":
                keys = sorted(open_claims(conn, list(self.mines))["key"])
            else:
                of_plan = feature.c.layer == "plan_item"
                kept = of_plan if target == "plan_item" else feature.c.layer.in_(set(FACTORS))
                keys = sorted(conn.scalars(select(feature.c.key).where(kept)))
        if keys:
            kind = {"factor": "treated", "plan_item": "finished", "claim": "error"}[target]
            given = (target, rng.choice(keys), kind, "r", "d")
            waiting = self._try(f"end {target}", decisions.propose_ending, *given, dated=False)
            if waiting:
                self._try("confirm", decisions.settle, waiting, True, by="li")

    def _accept(self, survey_id: UUID, layer: str) -> None:
        said = self._try("accept", decisions.accept, survey_id, "ok", "doc")
        if said and said["state"] == "needs_second":
            said = self._try("second", decisions.settle, said["proposal"], True, by="li")
        if said:
            self.accepted[survey_id] = layer

    def _try(self, word: str, act: Callable[..., Any], *given: Any, by: str = "zhang", dated: bool = True) -> Any:  # fmt: skip
        """Act; a refusal that the rules provide for is told and changes nothing."""
        try:
            with connect(self.settings, "worker", self.people[by]) as conn:
                more = {"on": TODAY} if dated else {}
                found = act(conn, self.people[by], *given, **more)
        except Problem as problem:
            if problem.code not in REFUSED:
                raise
            self.told.append(f"{word} refused ({problem.code})")
            return None
        self.told.append(word)
        return found

    def _submit(self, layer: str, rows: Rows, replaced: UUID | None) -> UUID:
        """Stage rows as if they had been read, and submit them.

        Reading has tests of its own, and a confined child for each file would take most of the time.
        """
        self.count += 1
        path = self.folder / f"{self.count}.json"
        path.write_text(f"{self.seed} {self.count}", "utf-8")
        wang, options = self.people["wang"], ReadOptions(layer=layer)
        columns = sorted({name for row, _ in rows for name in row})
        data = {n: pd.Series([row.get(n) for row, _ in rows], dtype=object) for n in columns}
        error = self.rng.choice([0.0, 0.0, 5.0, 100.0])
        data |= {"row_no": range(1, len(rows) + 1), "raw": [{} for _ in rows], "error_m": error}
        frame = gpd.GeoDataFrame(data, geometry=[shape for _, shape in rows], crs=4490)
        read = LayerRead(
            layer, path.name, len(rows), 0, 0, 0, None, None, [], None, {}, frame
        )  # fmt: skip
        with connect(self.settings, "worker", wang) as conn:
            upload_id = intake.register_upload(
                conn, wang, path.name, path, options, settings=self.settings, enqueue=False
            )
        with connect(self.settings, "worker", SYSTEM) as conn:
            conn.execute(update(upload).where(upload.c.id == upload_id).values(state="reading"))
            assert stage(conn, upload_id, ReadResult([read]), options)
        with connect(self.settings, "worker", wang) as conn:
            return intake.submit(conn, wang, upload_id, supersedes=replaced, on=TODAY)

    def _row(self, layer: str, code: str) -> tuple[dict[str, Any], shapely.Geometry]:
        rng, x = self.rng, self.mines[code]
        if layer == "mine_boundary":
            return self._licence(code, x)
        if layer == "survey_extent":
            kinds = rng.sample(["goaf", "fault", "rock_burst_area", "aquifer"], 2)
            until = rng.choice(["2023-05-01", "2034-05-01", None])
            row = {"mine_code": code, "kinds": kinds, "methods": ["drilling"], "survey_unit": "某院",
                   "fieldwork_start": "2022-03-01", "fieldwork_end": "2022-05-01", "valid_until": until}  # fmt: skip
            return row, self._box(x - rng.uniform(0, 0.5), -0.5, rng.uniform(0.5, 2), 2.0)
        if layer == "plan_item":
            start = rng.choice([2022, 2024, 2026, 2029, None])
            row = {"mine_code": code, "item": "panel", "name": f"P{self.count}", "seam": rng.choice(["3", "9"]),
                   "start": start and f"{start}-01-01", "end": start and f"{start + rng.randint(1, 9)}-06-30",
                   "floor_m": rng.choice([None, 800.0]), "height_m": rng.choice([None, 2.5, 6.0])}  # fmt: skip
            return row, self._box(x + rng.uniform(0, 0.75), 0.3, 0.25, 0.3)
        shape = self._shape(layer, x + rng.uniform(-0.3, 1.3))
        row = {
            "code": f"{layer[0].upper()}{self.count}", "seam": rng.choice(["3", "9", None]),
            "mine_code": rng.choice([code, code, None]), "observed_on": "2024-05-10",
            "verification": rng.choice(["verified", "inferred", "unclear", None]),
        }  # fmt: skip
        return row | self._figures(layer), shape

    def _figures(self, layer: str) -> dict[str, Any]:
        rng = self.rng
        if layer == "goaf":
            return {"water": rng.choice(["none", "present", "unknown", None]),
                    "water_extent_known": rng.choice([True, False, None]),
                    "water_volume_m3": rng.choice([None, 500.0, {"low": None, "high": None, "raw": "不清"}]),
                    "floor_m": rng.choice([None, 760.0, 830.0, 900.0]), "mining_height_m": 3.0}  # fmt: skip
        if layer == "fault":
            return {"conductive": rng.choice(["yes", "no", "unknown"]), "water_pressure_mpa": 2.0,
                    "seam": None}  # fmt: skip
        if layer == "rock_burst_area":
            return {"index_w": rng.choice([0.25, 0.26, 0.5, 0.75, 0.76])}
        if layer == "gas_rich_area":
            return {"outburst": rng.choice([True, False]), "pressure_mpa": rng.choice([0.73, 0.74])}
        return {"pressure_mpa": 2.0, "barrier_m": rng.choice([10.0, 20.0, 40.0]), "q_l_sm": 0.5}

    def _licence(self, code: str, x: float) -> tuple[dict[str, Any], shapely.Geometry]:
        rng = self.rng
        row = LOW | {
            "mine_code": code, "mine_name": f"{code}矿", "mine_kind": "coal", "enterprise": "甲公司",
            "district": "140981", "seams": ["3", "9"],
            "gas_grade": rng.choice(["low", "high"]), "hydro_type": rng.choice(["simple", "medium"]),
            "licence_from": f"20{rng.randint(10, 23)}-01-01",
        }  # fmt: skip
        return row, self._box(x, 0, 1 - rng.choice([0.0, 0.0, 0.1]), 1 + rng.choice([0, 0.2]))

    def _box(self, x: float, y: float, dx: float, dy: float) -> shapely.Polygon:
        return shapely.box(*_place(x, y), *_place(x + dx, y + dy))

    def _shape(self, layer: str, x: float) -> shapely.Geometry:
        rng, y = self.rng, self.rng.uniform(-0.2, 1.0)
        if layer == "fault":
            steps = [(x + 0.1 * n, y + rng.uniform(-0.2, 0.2)) for n in range(rng.randint(2, 9))]
            return shapely.LineString([_place(*at) for at in steps])
        angle = np.linspace(0, 2 * np.pi, rng.randint(4, 24), endpoint=False)
        size = rng.choice([0.02, 0.1, 0.3])
        radius = [size * rng.uniform(0.4, 1) for _ in angle]
        ring = [_place(x + r * np.cos(a), y + r * np.sin(a)) for a, r in zip(angle, radius, strict=True)]  # fmt: skip
        outline = shapely.Polygon(ring)
        if rng.random() < 0.2:
            outline = outline - shapely.buffer(outline.representative_point(), size * WIDE / 10)
        return outline

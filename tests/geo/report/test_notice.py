"""The change notice: the decided grade and the effective one, what they rest on, a draft that says so."""

from datetime import date

import numpy as np
import pytest
import shapely
import typst

from geo.problems import Problem
from geo.report import notice, relief
from geo.report.sheet_drawing import SCALES, Ground

BOUNDS = [112.48, 38.80, 112.51, 38.82]
DAY = date(2024, 9, 1)


def claim(key, source, grade, **more):
    return {
        "key": key, "hazard": "hydro", "source": source, "grade": grade, "document": None,
        "clause": None, "verified": None, "sentence": {"zh": f"依据{key}", "en": key}, **more,
    }  # fmt: skip


def line(**grades):
    empty = dict.fromkeys(("determined", "proposed", "decided", "effective"))
    return {"hazard": "hydro", "not_below": False, "winners": [], **empty, **grades}


def mine(lines, claims=()):
    return {
        "code": "A", "name": "示例矿", "colour": "red", "bounds": BOUNDS,
        "lines": lines, "claims": list(claims),
    }  # fmt: skip


RULED = claim("k1", "survey", "very_complex", clause="某细则 表2-1", verified=False)
DECIDED = claim("k2", "decision", "complex", document="调字1号")
BOTH = mine(
    [line(determined="simple", proposed="very_complex", decided="complex", effective="very_complex", winners=["k1"])],
    [RULED, DECIDED],
)  # fmt: skip


def said(monkeypatch, found, **asked):
    """Return what typst is given, and check that it makes a PDF of it."""
    kept = {}
    real = typst.compile

    def seen(main, **more):
        kept["text"] = main.read_text("utf-8")
        return real(main, **more)

    monkeypatch.setattr(notice.typst, "compile", seen)
    body = notice.pdf(
        found, [], **{"hazard": None, "version": 7, "on": DAY, "known_at": None, "by": "zhang", "printed": DAY} | asked,
    )  # fmt: skip
    assert body.startswith(b"%PDF-")
    return kept["text"]


def test_it_prints_the_decided_grade_and_says_what_is_effective():
    (one,) = notice.matters(BOTH)
    assert (one["before"], one["after"], one["effective"]) == ("simple", "complex", "very_complex")
    assert one["documents"] == ["调字1号"]
    # Both what was decided and what holds above it are told, with the clause nobody could check.
    assert one["reasons"] == ["依据k2", "依据k1"]
    assert one["clauses"] == [("某细则 表2-1", False)]


def test_the_pdf_has_its_parts_and_words_that_are_no_markup(monkeypatch):
    rude = BOTH | {"name": '矿"#eval("1")'}
    text = said(monkeypatch, rude)
    for part in ("调字1号", "依据k1", "条文未核对原文", "数据版本 7", "盖章处", "2024-09-01"):
        assert part in text
    assert '矿\\"#eval(\\"1\\")' in text
    assert "草稿" not in text


def test_what_nobody_decided_is_a_draft_and_says_so(monkeypatch):
    found = mine(
        [line(determined="simple", proposed="complex", effective="complex", winners=["k1"])],
        [claim("k1", "survey", "complex", clause="c", verified=True)],
    )
    assert notice.matters(found)[0]["after"] is None
    text = said(monkeypatch, found)
    assert "草稿" in text
    assert "未认定" in text
    assert "未核对" not in text


def test_where_nothing_changed_there_is_no_notice():
    same = mine([line(determined="simple", proposed="simple", effective="simple")])
    unknown = mine([line()])
    for found in (same, unknown):
        assert notice.changed(found) == []
        with pytest.raises(Problem) as refused:
            notice.matters(found)
        assert refused.value.code == "notice.nothing"
    with pytest.raises(Problem):
        notice.matters(BOTH, "gas")


def test_a_mine_without_a_boundary_has_a_notice_without_a_map(monkeypatch):
    assert "map.svg" not in said(monkeypatch, BOTH | {"bounds": None})


def test_the_small_map_shows_the_whole_mine_at_the_largest_scale_that_does():
    frame = notice.around(BOUNDS)
    west, south, east, north = frame.bounds
    assert shapely.box(*BOUNDS).within(shapely.box(west, south, east, north))
    larger = SCALES[SCALES.index(frame.scale) - 1]
    tight = notice.Inset(frame.lon, frame.lat, larger).bounds
    assert tight[0] > BOUNDS[0] or tight[1] > BOUNDS[1]


def test_the_small_map_lies_on_the_ground_and_says_whose_it_is(monkeypatch):
    picture = relief.png(np.full((4, 4, 4), 90, np.uint8))
    laid = Ground(picture, [(80.0, 30.0, "1150", -12.5)], 20.0, "地形：示例测绘院 2024-03-01")
    text = said(monkeypatch, BOTH, ground=laid)
    assert 'image("ground.png"' in text
    assert "地形：示例测绘院 2024-03-01；等高距 20 米" in text
    assert '"1150"' in text
    bare = said(monkeypatch, BOTH)
    assert "ground.png" not in bare
    assert "等高距" not in bare

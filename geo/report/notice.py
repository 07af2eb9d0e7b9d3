"""The change notice (调整通知书): one mine's grades as a Chinese document to be sealed, by typst.

It prints the decided grade and says what the effective one is (L2). Where nothing is decided yet it
is a draft and says so.
"""

import tempfile
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import typst
from sqlalchemy import Connection

from geo.crs import GEOGRAPHIC, local_zone, transformer
from geo.hazards import grade_name, hazards
from geo.messages import say
from geo.problems import Problem
from geo.report.map_sheet import chinese_font, fonts, quoted, under
from geo.report.sheet_drawing import SCALES, Ground, Sheet, drawing
from geo.settings import Settings
from geo.store import batches, map_reads, mine_evidence, relief_tiles
from geo.store.tiles import FACTORS

# The notice is a document in Chinese, whatever language its reader works in.
_LANG = "zh"
_LAYERS = ("unclear", "plan", "factors", "encounters", "water_lines")
_LINES = ("determined", "proposed", "decided", "effective")


@dataclass(frozen=True)
class Inset(Sheet):
    """A small map within a document: a frame of its own size in millimetres."""

    wide: float = 170.0
    high: float = 70.0

    @property
    def frame(self) -> tuple[float, float]:
        """Return width and height of the drawn frame in millimetres."""
        return self.wide, self.high


def around(bounds: list[float]) -> Inset:
    """Return the small map that shows bounds (west, south, east, north) at the largest scale."""
    west, south, east, north = bounds
    lon, lat = (west + east) / 2, (south + north) / 2
    moved = transformer(GEOGRAPHIC, local_zone(lon)).transform(
        np.array([west, east, west, east]), np.array([south, south, north, north])
    )
    spans = [float(np.ptp(axis)) for axis in moved]
    frame = Inset(lon, lat, SCALES[0]).frame
    # A tenth of the frame is left free around.
    wanted = max(span / (side * 0.9) for span, side in zip(spans, frame, strict=True)) * 1000
    return Inset(lon, lat, next((s for s in SCALES if s >= wanted), SCALES[-1]))


def matters(found: dict[str, Any], hazard: str | None = None) -> list[dict[str, Any]]:
    """Return what a notice tells of a mine, one entry per hazard.

    Parameters
    ----------
    found : dict
        The mine, as :func:`geo.store.mine_evidence.mine` gives it.
    hazard : str, optional
        Only this one.

    Returns
    -------
    list of dict
        hazard, the four lines, ``before`` (determined), ``after`` (decided, None in a draft),
        ``documents`` of the decisions, ``reasons`` (sentences of what the effective grade and the
        decision rest on) and ``clauses`` (clause, verified).

    Raises
    ------
    Problem
        ``notice.nothing`` where no grade was decided and none is above the determined one.
    """
    told = []
    for line in changed(found):
        code = line["hazard"]
        if hazard is not None and code != hazard:
            continue
        claims = [c for c in found["claims"] if c["hazard"] == code and c["grade"] is not None]
        decisions = [
            c for c in claims if c["source"] == "decision" and c["grade"] == line["decided"]
        ]
        rest = [c for c in claims if c["key"] in line["winners"] and c not in decisions]
        clauses = {c["clause"]: bool(c["verified"]) for c in rest if c["clause"]}
        told.append(
            {
                **{name: line[name] for name in ("hazard", "not_below", *_LINES)},
                "before": line["determined"],
                "after": line["decided"],
                "documents": sorted({c["document"] for c in decisions if c["document"]}),
                "reasons": [c["sentence"][_LANG] for c in [*decisions, *rest]],
                "clauses": sorted(clauses.items()),
            }
        )
    if not told:
        raise Problem("notice.nothing", http_status=409, mine=found["name"])
    return told


def changed(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the lines of a mine that a notice tells: decided, or above what is determined."""
    return [
        line
        for line in found["lines"]
        if line["decided"] is not None
        or _above(line["hazard"], line["effective"], line["determined"])
    ]


def _above(hazard: str, grade: str | None, other: str | None) -> bool:
    scale = hazards()[hazard]
    return grade is not None and (other is None or scale.rank(grade) > scale.rank(other))


def _cell(text: str) -> str:
    return f"[#text({quoted(text)})]"


def _table(told: list[dict[str, Any]]) -> str:
    heads = [say("notice.hazard", _LANG), say("notice.before", _LANG), say("notice.after", _LANG)]
    heads += [say(f"notice.{name}", _LANG) for name in ("proposed", "effective")]
    cells = [f'[#text(weight:"bold",{quoted(head)})]' for head in heads]
    for one in told:
        code = one["hazard"]
        words = {name: grade_name(code, one[name], _LANG) for name in _LINES}
        if one["not_below"]:
            words["effective"] = say("notice.not_below", _LANG, grade=words["effective"])
        after = words["decided"] if one["after"] else say("notice.undecided", _LANG)
        cells.append(_cell(hazards()[code].label[_LANG]))
        cells += [
            _cell(text)
            for text in (words["determined"], after, words["proposed"], words["effective"])
        ]
    return (
        "#table(columns:(1.5fr,1fr,1fr,1fr,1fr),inset:2mm,stroke:.4pt,align:horizon,"
        f"table.header({','.join(cells[:5])}),{','.join(cells[5:])})"
    )


def _basis(told: list[dict[str, Any]]) -> str:
    parts = []
    for one in told:
        label = hazards()[one["hazard"]].label[_LANG]
        parts.append(
            f'#block(above:4mm,below:2mm,text(weight:"bold",'
            f"{quoted(say('notice.basis_of', _LANG, hazard=label))}))"
        )
        parts += [f"#enum.item[#text({quoted(sentence)})]" for sentence in one["reasons"]]
        for clause, verified in one["clauses"]:
            word = say("notice.verified" if verified else "notice.unverified", _LANG)
            parts.append(
                f"#block(above:1.6mm,below:1.6mm,inset:(left:6mm),"
                f"text(size:9pt,{quoted(say('notice.clause', _LANG, clause=clause, word=word))}))"
            )
    return "\n".join(parts)


def _words(words: list[tuple[float, float, str, str]]) -> str:
    return "\n".join(
        f"#place(top+left,dx:{x:.2f}mm,dy:{y:.2f}mm,place(center+horizon,box(fill:white."
        f"transparentize(20%),inset:(x:.6mm,y:.3mm),text(size:{8 if kind == 'mine' else 6.5}pt,"
        f"{quoted(text)}))))"
        for x, y, text, kind in words
    )


def _source(
    found: dict[str, Any],
    told: list[dict[str, Any]],
    sheet: Inset | None,
    laid: str,
    words: list[tuple[float, float, str, str]],
    *,
    ground: Ground | None,
    font: str,
    version: int,
    on: date,
    known_at: datetime | date | None,
    by: str,
    printed: date,
) -> str:
    """Return the notice in typst's language; every text goes in as a quoted string."""
    draft = any(one["after"] is None for one in told)
    documents = sorted({d for one in told for d in one["documents"]})
    map_ = f"#text({quoted(say('notice.no_map', _LANG))})"
    if sheet is not None:
        caption = say("notice.map", _LANG, scale=f"{sheet.scale:,}")
        if ground is not None:
            step = f"{ground.step:g}"
            caption += say("report.sheet.ground", _LANG, words=ground.words, step=step)
        map_ = (
            f"#block(width:{sheet.wide}mm,height:{sheet.high}mm,clip:true,breakable:false)"
            f"[{laid}\n{_words(words)}]\n"
            f"#text(size:8.5pt,{quoted(caption)})"
        )
    known = str(known_at or printed)
    notes = [
        say("notice.floor", _LANG),
        say("notice.version", _LANG, version=version, on=on, known=known, printed=printed, by=by),
    ]
    opened = say("notice.opening", _LANG)
    to = say("notice.to", _LANG, name=found["name"], code=found["code"])
    number = "、".join(documents) or say("notice.no_number", _LANG)
    return f"""
#set page(paper:"a4",margin:(x:20mm,top:22mm,bottom:20mm),numbering:"1 / 1")
#set text(font:("{font}",),size:10.5pt,lang:"zh")
#set par(leading:.75em)
#align(center,text(size:19pt,weight:"bold",{quoted(say("notice.title", _LANG))}))
#align(center,text(size:10.5pt,{quoted(number)}))
{f'#align(center,rect(inset:2mm,stroke:1pt,text(weight:"bold",{quoted(say("notice.draft", _LANG))})))' if draft else ""}
#v(4mm)
#text({quoted(to)})
#par(first-line-indent:(amount:2em,all:true),text({quoted(opened)}))
{_table(told)}
{_basis(told)}
#block(above:5mm)[{map_}]
{"".join(f"#block(above:3mm,text(size:9pt,{quoted(note)}))" for note in notes)}
#v(4mm)
#block(breakable:false,width:100%,align(right,stack(spacing:5mm,
 text({quoted(say("notice.bureau", _LANG))}),
 rect(width:42mm,height:28mm,stroke:(thickness:.5pt,dash:"dashed"),
  align(center+horizon,text(size:9pt,fill:luma(110),{quoted(say("notice.seal", _LANG))}))),
 text({quoted(say("notice.date", _LANG))}))))
"""  # noqa: E501


def pdf(
    found: dict[str, Any],
    rows: list[dict[str, Any]],
    *,
    hazard: str | None,
    version: int,
    on: date,
    known_at: datetime | date | None,
    by: str,
    printed: date,
    ground: Ground | None = None,
) -> bytes:
    """Return the notice as PDF.

    Parameters
    ----------
    found : dict
        The mine, as :func:`geo.store.mine_evidence.mine` gives it.
    rows : list of dict
        Shapes of the small map, as :func:`geo.store.map_reads.shapes` gives them.
    hazard : str or None
        One hazard, or all that are decided or above what is determined.
    version : int
        Data version.
    on, known_at : date
        The day the grades are of, and what was known then; None for now.
    by : str
        Who printed it.
    printed : date
        Today.
    ground : Ground, optional
        What lies under the small map.

    Raises
    ------
    Problem
        ``notice.nothing``; ``report.sheet.no_font`` where the machine has no Chinese font.
    """
    font = chinese_font()
    if font is None:
        raise Problem("report.sheet.no_font", http_status=503)
    told = matters(found, hazard)
    sheet = around(found["bounds"]) if found["bounds"] else None
    with tempfile.TemporaryDirectory(prefix="minerisk-") as folder:
        root = Path(folder)
        words: list[tuple[float, float, str, str]] = []
        laid = ""
        if sheet is not None:
            colour = found["colour"] or "grey"
            shown = {"code": found["code"], "name": found["name"], "label": "", "colour": colour}
            drawn = drawing(sheet, rows, [shown], ground=ground)
            words = drawn.words
            laid = under(sheet, drawn, ground, root)
        text = _source(
            found, told, sheet, laid, words, ground=ground, font=font, version=version, on=on,
            known_at=known_at, by=by, printed=printed,
        )  # fmt: skip
        main = root / "notice.typ"
        main.write_text(text, "utf-8")
        return bytes(typst.compile(main, root=root, font_paths=fonts()))


def of_mine(
    conn: Connection,
    settings: Settings,
    code: str,
    on: date,
    known_at: datetime | date | None,
    hazard: str | None,
    by: str,
    printed: date,
) -> bytes | None:
    """Return a mine's notice as PDF; None where there is no such mine one may see.

    Parameters
    ----------
    conn : Connection
        Of the application's role.
    settings : Settings
        Where the ground lies that was drawn of the elevation models.
    code : str
        The mine.
    on, known_at, hazard, by, printed
        As :func:`pdf` takes them.
    """
    found = mine_evidence.mine(conn, code, on, known_at)
    if found is None:
        return None
    seq = batches.seq_at(conn, known_at)
    rows: list[dict[str, Any]] = []
    ground = None
    if found["bounds"]:
        sheet = around(found["bounds"])
        rows = map_reads.shapes(conn, sheet.bounds, _LAYERS, FACTORS, seq, on)
        ground = relief_tiles.under(settings, sheet, _LANG)
    return pdf(
        found, rows, hazard=hazard, version=seq, on=on, known_at=known_at, by=by, printed=printed,
        ground=ground,
    )  # fmt: skip


__all__ = ["Inset", "around", "changed", "matters", "of_mine", "pdf"]

"""A view of the map as a sheet of paper at true scale: A4 or A3, set by typst with no network."""

import tempfile
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import typst

from geo.messages import say
from geo.problems import Problem
from geo.report import sheet_signs as signs
from geo.report.sheet_drawing import (
    HEAD,
    MARGIN,
    PAPERS,
    SCALES,
    Drawn,
    Ground,
    Marks,
    Sheet,
    bar,
    drawing,
    grid_lines,
)
from geo.survey.reading.frames import words_of

__all__ = ("PAPERS", "SCALES", "Marks", "Sheet", "chinese_font", "fonts", "pdf", "quoted", "under")
FONTS = ("Noto Sans CJK SC", "Source Han Sans SC", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei")
# Millimetres an entry of the legend wants.
_ENTRY = 46.0


def quoted(value: str) -> str:
    """Return a text as typst takes it: a string, whatever is in it."""
    safe = "".join(ch for ch in value if ch.isprintable())
    return '"' + safe.replace("\\", "\\\\").replace('"', '\\"') + '"'


_NORTH = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="9mm" height="14mm" viewBox="0 0 9 14">'
    f'<path d="M4.5 0L8 13L4.5 10.5L1 13Z" fill="none" stroke="{signs.INK}" stroke-width=".4"/>'
    f'<path d="M4.5 0L4.5 10.5L1 13Z" fill="{signs.INK}"/></svg>'
)


def under(sheet: Sheet, drawn: Drawn, ground: Ground | None, root: Path) -> str:
    """Return in typst's language what lies under the words of a map: ground, drawing, heights."""
    (root / "map.svg").write_text(drawn.svg, "utf-8")
    if ground is None:
        return '#place(top+left,image("map.svg"))'
    (root / "ground.png").write_bytes(ground.picture)
    width, height = sheet.frame
    written = "\n".join(
        f"#place(top+left,dx:{x:.2f}mm,dy:{y:.2f}mm,place(center+horizon,rotate({turned:.1f}deg,"
        f"box(fill:white.transparentize(45%),inset:(x:.4mm,y:.1mm),"
        f'text(size:5.5pt,fill:rgb("{signs.CONTOUR}"),{quoted(text)})))))'
        for x, y, text, turned in drawn.heights
    )
    return (
        f'#place(top+left,image("ground.png",width:{width}mm,height:{height}mm))'
        f'#place(top+left,image("map.svg"))\n{written}'
    )


def _source(
    sheet: Sheet,
    drawing_: str,
    words: list[tuple[float, float, str, str]],
    explained: list[tuple[list[str], str]],
    lang: str,
    font: str,
    title: str,
    what: str,
    notes: list[str],
) -> str:
    """Return the sheet in typst's language; every text goes in as a quoted string."""
    paper_w, paper_h = sheet.size
    width, height = sheet.frame
    long, bar_text = bar(sheet)
    easts, norths = grid_lines(sheet)
    columns = max(int(width // _ENTRY), -(-len(explained) // sheet.legend_rows))
    legend = ",".join(
        "grid(columns:(auto,1fr),column-gutter:1.2mm,align:horizon,"
        f"[{''.join(f'#box(image({quoted(_file(key))}))' for key in keys)}],"
        f"text(size:7pt,{quoted(text)}))"
        for keys, text in explained
    )
    put = [
        f"#place(top+left,dx:{x:.2f}mm,dy:{y:.2f}mm,place(center+horizon,"
        "box(fill:white.transparentize(25%),"
        f"inset:(x:.6mm,y:.3mm),text(size:{8 if kind == 'mine' else 6.5}pt,"
        f'weight:"{"bold" if kind == "mine" else "regular"}",{quoted(text)}))))'
        for x, y, text, kind in words
    ]
    put += [
        f"#place(top+left,dx:{x + 0.6:.2f}mm,dy:{height - 3:.2f}mm,"
        f"box(fill:white.transparentize(25%),text(size:5.5pt,fill:luma(60),"
        f"{quoted(f'{e:,.0f}')})))"
        for e, x in easts
        if x < width - 14
    ]
    put += [
        f"#place(top+left,dx:.6mm,dy:{y - 2.6:.2f}mm,"
        f"box(fill:white.transparentize(25%),text(size:5.5pt,fill:luma(60),"
        f"{quoted(f'{n:,.0f}')})))"
        for n, y in norths
        if 4 < y < height - 5
    ]
    north = quoted(say("report.sheet.north", lang))
    told = "#linebreak()".join(f"#text({quoted(note)})" for note in notes)
    return f"""
#set page(width:{paper_w}mm,height:{paper_h}mm,margin:{MARGIN}mm)
#set text(font:("{font}",),size:8pt,lang:"{"en" if lang == "en" else "zh"}",fill:rgb("{signs.INK}"))
#set par(spacing:0pt,leading:.5em)
#block(height:{HEAD}mm,width:100%)[#text(size:15pt,weight:"bold",{quoted(title)}) #h(4mm)
 #text(size:9pt,{quoted(what)})]
#block(width:{width}mm,height:{height}mm,clip:true)[{drawing_}
{chr(10).join(put)}]
#v(2.5mm)
#grid(columns:(1fr,)*{columns},row-gutter:.5mm,column-gutter:3mm,align:horizon,{legend})
#place(bottom+left,grid(columns:(14mm,{max(long + 6, 34):.1f}mm,1fr),column-gutter:4mm,
 [#image("north.svg",height:11mm) #v(.6mm) #text(size:7pt,{north})],
 [#rect(width:{long:.3f}mm,height:1.6mm,fill:rgb("{signs.INK}"),stroke:none)
  #place(top+left,dx:{long / 2:.3f}mm,dy:.25mm,
   rect(width:{long / 2 - 0.25:.3f}mm,height:1.1mm,fill:white,stroke:none))
  #v(1mm) #text({quoted(f"0 — {bar_text}")}) #v(1mm)
  #text(size:11pt,weight:"bold",{quoted(f"1 : {sheet.scale:,}")})],
 text(size:7pt)[{told}]))
"""


def _file(key: str) -> str:
    return f"{key}.svg"


@cache
def fonts() -> Any:
    """Return the machine's fonts, read once."""
    return typst.Fonts()


@cache
def chinese_font() -> str | None:
    """Return the family Chinese is set in; None where the machine has none."""
    here = set(fonts().families())
    return next((family for family in FONTS if family in here), None)


def pdf(
    sheet: Sheet,
    rows: list[dict[str, Any]],
    mines: list[dict[str, Any]],
    lang: str,
    *,
    title: str,
    what: str,
    version: int,
    by: str,
    on: date,
    marks: Marks | None = None,
    ground: Ground | None = None,
) -> bytes:
    """Return a sheet as PDF.

    Parameters
    ----------
    sheet : Sheet
        The frame.
    rows : list of dict
        Shapes with layer, mine_code, name, verification, state and GeoJSON geometry.
    mines : list of dict
        Code, name, colour and label of the mines to paint.
    lang : str
        ``zh`` or ``en``.
    title, what : str
        The heading, and what is shown: hazard, line, day.
    version : int
        Data version.
    by : str
        Who printed it.
    on : date
        Today.
    marks : Marks, optional
        Ponds (as the map paints them: name, mark, label, place), a place looked up, a measure.
    ground : Ground, optional
        What :func:`geo.report.ground.under` drew of the elevation models.

    Raises
    ------
    Problem
        Where the machine has no Chinese font.
    """
    font = chinese_font()
    if font is None:
        raise Problem("report.sheet.no_font", http_status=503)
    drawn = drawing(sheet, rows, mines, marks, lang, ground)
    explained = signs.legend(drawn.keys, lang)
    marked = any(key.startswith("mark.") for key in drawn.keys)
    notes = [
        say("report.sheet.version", lang, version=version, on=on, by=by),
        say("report.sheet.frame", lang, name=words_of(sheet.zone, lang), epsg=sheet.zone),
        *([say("report.sheet.dashed", lang)] if drawn.dashed else []),
        *([say("report.sheet.marks", lang)] if marked else []),
        *([say("report.sheet.water_lines", lang)] if signs.WATER_LINES & set(drawn.keys) else []),
        *(
            [say("report.sheet.ground", lang, words=ground.words, step=f"{ground.step:g}")]
            if ground is not None
            else []
        ),
        say("report.sheet.source", lang),
        say("report.convention", lang),
    ]
    with tempfile.TemporaryDirectory(prefix="minerisk-") as folder:
        root = Path(folder)
        laid = under(sheet, drawn, ground, root)
        (root / "north.svg").write_text(_NORTH, "utf-8")
        for key in drawn.keys:
            (root / _file(key)).write_text(signs.swatch(key), "utf-8")
        main = root / "sheet.typ"
        main.write_text(
            _source(sheet, laid, drawn.words, explained, lang, font, title, what, notes), "utf-8"
        )
        return bytes(typst.compile(main, root=root, font_paths=fonts()))

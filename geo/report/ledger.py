"""The ledger as an Excel book a bureau can file: the rows, and both counts."""

from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties

from geo.hazards import grade_name, hazards
from geo.messages import catalogue, say
from geo.report.board_sheet import plain_text
from geo.rules import Rules
from geo.survey.counties import county_name, province_name
from geo.survey.layers import layers
from geo.survey.ledger import LEDGER, WORKS
from geo.survey.ledger_counts import PLACES

_COLUMNS = tuple(name for name in LEDGER if name != "factor_key")
COUNTS = ("factors", "exposures", "standing", "area_m2", "water_m3", "unknown_water")
_WIDE = {"effect": 36, "measures": 48, "mine_name": 20, "place": 20}


def _word(code: str, value: Any, lang: str) -> str:
    texts = catalogue().get(f"{code}.{value}")
    return texts[lang] if texts else "" if value is None else str(value)


def cell(name: str, value: Any, rules: Rules, lang: str) -> Any:
    """Return what a cell of the ledger says, in the words of the trade."""
    if value is None:
        return ""
    if name == "kind":
        return say(f"layer.{value}", lang)
    if name == "relation":
        return _word("ledger.relation", value, lang)
    if name == "state":
        return _word("ledger.state", value, lang)
    if name == "water":
        return _word("ledger.water", value, lang)
    if name == "verification":
        return _word("verification", value, lang)
    if name == "place":
        return f"{value[0]:.6f}, {value[1]:.6f}"
    if name == "effect":
        return "；".join(
            f"{hazards()[hazard].label[lang]} {say(f'rules.outcome.{outcome}', lang)}"
            + (f" {grade_name(hazard, grade, lang)}" if grade else "")
            for hazard, outcome, grade in value
            if outcome in ("grade_floor", "manage_as", "duty", "precaution", "question")
        )
    if name == "measures":
        known = {rule.id: getattr(rule.message, lang) for rule in rules.rules}
        return "；".join(known.get(one, one) for one in value)
    if isinstance(value, dict):
        return value.get("raw", "")
    return value


def write_xlsx(path: Path, data: dict[str, Any], rules: Rules, lang: str) -> None:
    """Write a ledger, as :func:`geo.store.findings.ledger` gives it, to `path`.

    Parameters
    ----------
    path : Path
    data : dict
    rules : Rules
        For the words of the measures.
    lang : str
        ``zh`` or ``en``.
    """
    book = Workbook()
    sheet = book.active
    sheet.title = say("ledger.title", lang)
    _filed(sheet, say("ledger.head", lang, on=data["on"]), len(_COLUMNS), lang)
    sheet.append([say(f"ledger.column.{name}", lang) for name in _COLUMNS])
    for row in data["rows"]:
        sheet.append([cell(name, row[name], rules, lang) for name in _COLUMNS])
    _ruled(sheet, [_WIDE.get(name, 13) for name in _COLUMNS], lang)
    treated = book.create_sheet(say("ledger.works", lang))
    _filed(treated, say("ledger.works_head", lang, on=data["on"]), len(WORKS), lang)
    treated.append([say(f"ledger.work.{name}", lang) for name in WORKS])
    for row in data["works"]:
        treated.append([work_cell(name, row[name], lang) for name in WORKS])
    _ruled(treated, [16] * len(WORKS), lang)
    counted = book.create_sheet(say("ledger.counts", lang))
    for key, group in (("places", "group"), ("kinds", "kind"), ("enterprises", "group")):
        counted.append(
            [say(f"ledger.{key}", lang), *(say(f"ledger.count.{c}", lang) for c in COUNTS)]
        )
        for cell_ in counted[counted.max_row]:
            cell_.font = Font(bold=True)
        for row in data[key]:
            name = (
                say(f"layer.{row[group]}", lang)
                if group == "kind"
                else place(row, data["names"], lang)
            )
            counted.append([name, *(row[c] for c in COUNTS)])
        counted.append([])
    counted.append([say("ledger.counts_note", lang)])
    counted.column_dimensions["A"].width = 34
    for one in book.worksheets:
        plain_text(one)
    book.save(path)


def place(row: dict[str, Any], names: dict[str, str], lang: str) -> str:
    """Return what a place of the counts is called, set in by its level."""
    level = row.get("level", "enterprise")
    name = row["group"] or say("ledger.no_enterprise", lang)
    if level == "province":
        name = province_name(name, lang)
    elif level == "county":
        name = county_name(name, lang)
    elif level == "mine":
        name = names.get(name, name)
    return "　" * PLACES.index(level) + name if "level" in row else name


def work_cell(name: str, value: Any, lang: str) -> Any:
    """Return what a cell of the treatment works says."""
    if name == "treatment_state":
        return _word("ledger.state", value, lang)
    return "" if value is None else value.get("raw", "") if isinstance(value, dict) else value


def _filed(sheet: Any, title: str, columns: int, lang: str) -> None:
    """Write the head of a sheet that is filed: its title, who files it, and in which units."""
    sheet.append([title])
    sheet.merge_cells(start_row=1, start_column=1, end_row=1, end_column=columns)
    sheet["A1"].font = Font(bold=True, size=16)
    sheet["A1"].alignment = Alignment(horizontal="center")
    sheet.append([say("ledger.filed_by", lang)])
    sheet.merge_cells(start_row=2, start_column=1, end_row=2, end_column=columns)


def _ruled(sheet: Any, widths: list[int], lang: str) -> None:
    """Rule the table below its head in row 3, set it for paper, and leave room for signatures."""
    line = Side(style="thin", color="808080")
    for row in sheet.iter_rows(min_row=3):
        for one in row:
            one.border = Border(left=line, right=line, top=line, bottom=line)
            one.alignment = Alignment(wrap_text=True, vertical="top")
    for head in sheet[3]:
        head.font = Font(bold=True)
        head.fill = PatternFill("solid", fgColor="DDE6EE")
    sheet.append([])
    sheet.append([say("ledger.signed", lang)])
    for at, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(at)].width = width
    sheet.freeze_panes = "A4"
    sheet.print_title_rows = "1:3"
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = sheet.PAPERSIZE_A3
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)


def write_works_form(path: Path, data: dict[str, Any]) -> int:
    """Write a table of treatment works to fill in and to send back as any survey file.

    One row per factor that is not struck off, with its place; a row whose works nobody filled in is
    left out by whoever sends it. It is read as the layer `treatment_works`, row by row.

    Returns
    -------
    int
        Rows written.
    """
    fields = layers()["treatment_works"].fields
    taken = (
        *("mine_code", "mine_name", "target_code", "code", "works_method", "quantity_m3", "budget"),
        *("responsible", "started_on", "deadline", "finished_on", "document", "accepted_on"),
        *("accepted_by", "emergency_plan", "treatment_state", "seam"),
    )
    book = Workbook()
    sheet = book.active
    sheet.title = layers()["treatment_works"].label.zh
    sheet.append(["图形号", *(fields[name].label.zh for name in taken), "经度", "纬度"])
    # Of several works on one thing the newest is told, as in the ledger's own row.
    newest = sorted(data["works"], key=lambda row: str(row["started_on"] or ""))
    known = {(row["mine_code"], row["target_code"]): row for row in newest}
    count = 0
    for row in data["rows"]:
        if row["state"] == "struck_off" or not row["code"] or row["place"] is None:
            continue
        count += 1
        done = known.get((row["mine_code"], row["code"]), {})
        told = {
            **{name: done.get(name) for name in taken},
            "mine_code": row["mine_code"],
            "mine_name": row["mine_name"],
            "target_code": row["code"],
            "seam": row["seam"],
        }
        cells = [work_cell(name, told[name], "zh") for name in taken]
        sheet.append([count, *cells, *row["place"]])
    for head in sheet[1]:
        head.font = Font(bold=True)
    for at in range(1, len(taken) + 4):
        sheet.column_dimensions[get_column_letter(at)].width = 16
    sheet.freeze_panes = "A2"
    plain_text(sheet)
    book.save(path)
    return count

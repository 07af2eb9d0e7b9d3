"""Grades as an Excel sheet a bureau can file: four lines per hazard, with the date."""

from datetime import date
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter

from geo.hazards import colour_of, grade_name, hazards
from geo.messages import say
from geo.report.board_sheet import plain_text
from geo.survey.why import field_name

_COLUMNS = (
    "mine_code",
    "mine_name",
    "hazard",
    "determined",
    "proposed",
    "decided",
    "effective",
    "not_below",
    "undetermined",
)
_FILL = {"blue": "9EC5E8", "yellow": "F7E27E", "orange": "F3B061", "red": "E88A86"}
_WIDTHS = (12, 22, 18, 14, 14, 14, 14, 10, 40)


def write_xlsx(path: Path, rows: list[dict[str, Any]], on: date, lang: str) -> None:
    """Write the grades of `rows` (as :func:`geo.store.mine_queries.grades` gives them) to `path`.

    The colour of the effective grade stands beside its words, never instead of them.
    """
    book = Workbook()
    sheet = book.active
    sheet.title = say("report.grades", lang)
    sheet.append([say("report.grades_title", lang, on=on)])
    sheet["A1"].font = Font(bold=True, size=14)
    sheet.append([say("report.convention", lang)])
    sheet.append([say(f"report.column.{name}", lang) for name in _COLUMNS])
    for cell in sheet[3]:
        cell.font = Font(bold=True)
        cell.alignment = Alignment(wrap_text=True, vertical="top")
    for row in rows:
        hazard = row["hazard"]
        sheet.append(
            [
                row["mine_code"],
                row["mine_name"],
                hazards()[hazard].label[lang],
                *(
                    grade_name(hazard, row[line], lang)
                    for line in ("determined", "proposed", "decided", "effective")
                ),
                say("report.yes", lang) if row["not_below"] else "",
                ("、" if lang == "zh" else ", ").join(
                    field_name(name, lang) for name in row["undetermined"]
                ),
            ]
        )
        shade = colour_of(hazard, row["effective"])
        if shade is not None:
            cell = sheet.cell(sheet.max_row, 7)
            cell.fill = PatternFill("solid", start_color=_FILL[shade])
    plain_text(sheet)
    for number, width in enumerate(_WIDTHS, 1):
        sheet.column_dimensions[get_column_letter(number)].width = width
    sheet.freeze_panes = "C4"
    sheet.auto_filter.ref = f"A3:{get_column_letter(len(_COLUMNS))}{max(sheet.max_row, 3)}"
    sheet.print_title_rows = "3:3"
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    book.save(path)

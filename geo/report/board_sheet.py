"""Any list of the boards as an Excel sheet: title, what it is, the day, and the rows."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter

from geo import clock
from geo.messages import say

_WIDEST, _NARROWEST = 60, 10


def plain_text(sheet: Any) -> None:
    """Keep every text a text: one that begins like a formula would be run by whoever opens it."""
    for row in sheet.iter_rows():
        for cell in row:
            if cell.data_type == "f":
                cell.data_type = "s"


def _value(value: Any) -> Any:
    if isinstance(value, datetime):
        # A sheet knows no time zones.
        return clock.local(value).replace(tzinfo=None)
    return value


def write_board(
    path: Path,
    title: str,
    what: str,
    heads: list[str],
    rows: list[list[Any]],
    on: date,
    lang: str,
) -> None:
    """Write a list to `path`.

    Parameters
    ----------
    title, what : str
        Its name, and one sentence on what it is.
    heads : list of str
        Column heads.
    rows : list of list
        Cells: words, numbers, dates; None is left empty.
    on : date
        The day it holds for.
    lang : str
        ``zh`` or ``en``.
    """
    book = Workbook()
    sheet = book.active
    sheet.title = title[:28]
    sheet.append([say("report.board_title", lang, title=title, on=on)])
    sheet["A1"].font = Font(bold=True, size=14)
    sheet.append([what])
    sheet.append(heads)
    for cell in sheet[3]:
        cell.font = Font(bold=True)
        cell.alignment = Alignment(wrap_text=True, vertical="top")
    for row in rows:
        sheet.append([_value(value) for value in row])
    for number, head in enumerate(heads, 1):
        texts = [str(row[number - 1] or "") for row in rows]
        longest = max((len(text) for text in [head, *texts]), default=0) * 1.6
        width = min(max(longest, _NARROWEST), _WIDEST)
        sheet.column_dimensions[get_column_letter(number)].width = width
        for cell in sheet[get_column_letter(number)][3:]:
            cell.alignment = Alignment(wrap_text=True, vertical="top")
    plain_text(sheet)
    sheet.freeze_panes = "A4"
    sheet.auto_filter.ref = f"A3:{get_column_letter(len(heads))}{max(sheet.max_row, 3)}"
    sheet.print_title_rows = "3:3"
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    book.save(path)

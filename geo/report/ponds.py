"""The closure board as an Excel sheet a bureau can file: one row per pond, each duty by itself."""

from datetime import date
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter

from geo.messages import say
from geo.tailings.words import alarm_said, items_said, labels, silent_said

_COLUMNS = (
    "pond_code", "pond_name", "enterprise", "grade_design", "grade_present", "state", "since",
    "who", "trigger", "starts_on", "due_law", "late_law", "due_plan", "late_plan", "upcoming",
    "head_top", "safety_degree", "unmet", "cannot_tell", "alarm", "silent", "unread",
)  # fmt: skip
_WIDTHS = (12, 22, 22, 10, 10, 12, 12, 22, 22, 16, 12, 10, 12, 10, 14, 18, 12, 30, 30, 30, 24, 30)


def _row(pond: dict[str, Any], lang: str) -> list[Any]:
    words = labels()
    duties = {duty["code"]: duty for duty in pond["obligations"]}
    first = pond["triggers"][0] if pond["triggers"] else None
    starts: Any = pond["starts_on"]
    if first is not None and first["not_later_than"]:
        starts = say("report.not_later_than", lang, on=starts)
    return [
        pond["code"],
        pond["name"],
        pond["enterprise"],
        pond["grade"]["design"],
        pond["grade"]["present"],
        words["state"][pond["state"]][lang],
        pond["since"],
        words["who"][pond["who"]][lang],
        "、".join(words["trigger"][t["code"]][lang] for t in pond["triggers"]),
        starts,
        *(
            duties[code][name] if code in duties else None
            for code in ("law", "plan")
            for name in ("due", "days_late")
        ),
        pond["final_elevation_on"] if pond["upcoming"] else None,
        say(f"report.head_top.{pond['head_top']['outcome']}", lang),
        _degree(pond, lang),
        *(
            "、".join(
                words["requirement"][r["code"]][lang]
                for r in pond["requirements"]
                if r["outcome"] == outcome
            )
            for outcome in ("no", "undetermined")
        ),
        alarm_said(pond, lang),
        silent_said(pond, lang) or None,
        items_said(pond["unread"], lang) or None,
    ]


def _degree(pond: dict[str, Any], lang: str) -> str | None:
    found = next(r["have"] for r in pond["requirements"] if r["code"] == "safety_degree")
    return None if found is None else say(f"web.value.{found}", lang)


def write_ponds_xlsx(path: Path, rows: list[dict[str, Any]], on: date, lang: str) -> None:
    """Write ponds (as :func:`geo.store.pond_queries.ponds` gives them) to `path`."""
    book = Workbook()
    sheet = book.active
    sheet.title = say("report.ponds", lang)
    sheet.append([say("report.ponds_title", lang, on=on)])
    sheet["A1"].font = Font(bold=True, size=14)
    sheet.append([say("report.ponds_note", lang)])
    sheet.append([say(f"report.column.{name}", lang) for name in _COLUMNS])
    for cell in sheet[3]:
        cell.font = Font(bold=True)
        cell.alignment = Alignment(wrap_text=True, vertical="top")
    for pond in rows:
        sheet.append(_row(pond, lang))
    for number, width in enumerate(_WIDTHS, 1):
        sheet.column_dimensions[get_column_letter(number)].width = width
    sheet.freeze_panes = "C4"
    sheet.auto_filter.ref = f"A3:{get_column_letter(len(_COLUMNS))}{max(sheet.max_row, 3)}"
    sheet.print_title_rows = "3:3"
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    book.save(path)

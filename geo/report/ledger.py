"""The ledger as an Excel book a bureau can file: the rows, and both counts."""

from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter

from geo.hazards import grade_name, hazards
from geo.messages import catalogue, say
from geo.rules import Rules
from geo.survey.ledger import LEDGER

_COLUMNS = tuple(name for name in LEDGER if name != "factor_key")
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
    sheet.append([say("ledger.head", lang, on=data["on"])])
    sheet["A1"].font = Font(bold=True, size=14)
    sheet.append([say(f"ledger.column.{name}", lang) for name in _COLUMNS])
    for row in data["rows"]:
        sheet.append([cell(name, row[name], rules, lang) for name in _COLUMNS])
    for at, name in enumerate(_COLUMNS, 1):
        sheet.column_dimensions[get_column_letter(at)].width = _WIDE.get(name, 13)
    sheet.freeze_panes = "A3"
    counts = book.create_sheet(say("ledger.counts", lang))
    columns = ("factors", "exposures", "standing", "area_m2", "water_m3", "unknown_water")
    for key, group in (("kinds", "kind"), ("enterprises", "group"), ("counties", "group")):
        counts.append(
            [say(f"ledger.{key}", lang), *(say(f"ledger.count.{c}", lang) for c in columns)]
        )
        for cell_ in counts[counts.max_row]:
            cell_.font = Font(bold=True)
        for row in data[key]:
            name = say(f"layer.{row[group]}", lang) if group == "kind" else row[group]
            counts.append([name, *(row[c] for c in columns)])
        counts.append([])
    for head in sheet[2]:
        head.font = Font(bold=True)
        head.alignment = Alignment(wrap_text=True, vertical="top")
    counts.column_dimensions["A"].width = 28
    book.save(path)

"""What programs keep for themselves: told by what is inside, whatever the file is called.

A letter called .shp is no shapefile that lost its table; its sender is told what to send instead.
"""

import mmap
import re
import zipfile
from pathlib import Path

from geo.problems import Problem

_OWN = (
    (re.compile(rb"AC10\d\d\x00"), "AutoCAD DWG", "DXF"),
    (re.compile(rb"WMAP`"), "MapGIS", "Shapefile"),
)
_COMPOUND = b"\xd0\xcf\x11\xe0"
# What a compound file of Office 97 holds, by the names in its directory.
_WORD, _SLIDES, _BOOKS = "WordDocument", "PowerPoint Document", ("Workbook", "Book")
_ZIP = b"PK\x03\x04"
_BOOK_PART = "xl/workbook.xml"
_DOCUMENT_PARTS = {
    "word/document.xml": "Word (.docx)",
    "ppt/presentation.xml": "PowerPoint (.pptx)",
}


def refuse_own(path: Path, name: str) -> None:
    """Refuse a file in a program's own format, and say what to send instead; let any other pass.

    Parameters
    ----------
    path : Path
    name : str
        As its sender called it, fit to be printed.

    Raises
    ------
    Problem
        ``reader.kind.save_as`` for a drawing or a workbook, ``reader.kind.document`` for a text.
    """
    with path.open("rb") as stream:
        head = stream.read(16)
    if head.startswith(_COMPOUND):
        _compound(path, name)
    if head.startswith(_ZIP):
        _office(path, name)
    for mark, what, better in _OWN:
        if mark.match(head):
            raise Problem("reader.kind.save_as", name=name, what=what, better=better)


def _compound(path: Path, name: str) -> None:
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:

        def holds(entry: str) -> bool:
            return data.find(entry.encode("utf-16-le") + b"\x00\x00") >= 0

        word, slides = holds(_WORD), holds(_SLIDES)
        book = any(map(holds, _BOOKS)) or name.lower().endswith(".xls")
    if word or slides or not book:
        what = "Word 97 (.doc)" if word else "PowerPoint 97 (.ppt)" if slides else "Office 97"
        raise Problem("reader.kind.document", name=name, what=what)
    raise Problem("reader.kind.save_as", name=name, what="Excel 97 (.xls)", better=".xlsx")


def _office(path: Path, name: str) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            parts = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, NotImplementedError):
        # What is no sound archive is told of where it would be unpacked.
        return
    for part, what in _DOCUMENT_PARTS.items():
        if part in parts:
            raise Problem("reader.kind.document", name=name, what=what)
    if _BOOK_PART in parts:
        raise Problem("reader.kind.save_as", name=name, what="Excel", better=".xlsx")

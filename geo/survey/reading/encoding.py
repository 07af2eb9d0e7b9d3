"""In which encoding the text of a .dbf is written, and why we think so.

Order: the language byte of the .dbf (LDID), the .cpg, a strict trial of UTF-8, else GB18030 (which
holds GBK and GB2312). What is declared but cannot be so is passed over, and the reason says it.
"""

import codecs
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from geo.problems import Problem
from geo.survey.limits import limits
from geo.survey.reading.crs import Said, said

# LDID values that name an encoding. 0x57 ("ANSI") and 0x00 name none.
_LDID = {
    0x01: "cp437", 0x02: "cp850", 0x03: "cp1252", 0x13: "cp932", 0x4D: "gb18030",
    0x4E: "cp949", 0x4F: "big5", 0x58: "cp1252", 0x59: "cp1252", 0x78: "big5",
    0x79: "cp949", 0x7A: "gb18030", 0x7B: "cp932", 0xC9: "cp1251",
}  # fmt: skip
_CHINESE = {"936", "cp936", "gbk", "gb2312", "gb18030", "ansi936", "ansi 936", "euc-cn", "54936"}
_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# Encodings that can decode any bytes: that they do proves nothing.
_ANY = {"cp437", "cp850", "cp1252", "iso8859-1", "latin-1"}


@dataclass(frozen=True)
class Dbf:
    """What is needed of a .dbf: its language byte, rows, rows marked deleted, and its text."""

    ldid: int
    rows: int
    deleted: int
    names: list[bytes]
    text: list[bytes]


def read_dbf(path: Path, name: str) -> Dbf:
    """Return the header and a sample of the text of a .dbf.

    Raises
    ------
    Problem
        ``reader.part.truncated`` if the header is no .dbf header.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(32)
        rows = int.from_bytes(head[4:8], "little")
        header, width = (int.from_bytes(head[i : i + 2], "little") for i in (8, 10))
        fields = stream.read(max(header - 32, 0))
        if header < 33 or width < 1 or header > size:
            raise Problem("reader.part.truncated", name=f"{name}.dbf")
        names, spans, at = [], [], 1
        for start in range(0, len(fields) - 31, 32):
            one = fields[start : start + 32]
            if one[0] == 0x0D:
                break
            names.append(one[:11].split(b"\x00")[0])
            if one[11:12] == b"C":
                # A character field may use the decimals byte for lengths over 255.
                spans.append((at, at + one[16] + 256 * one[17]))
                at += one[16] + 256 * one[17]
            else:
                at += one[16]
        sampled = stream.read(min(rows * width, limits()["encoding"]["sample_bytes"]))
    text = [
        sampled[row + a : row + b].rstrip(b" \x00")
        for row in range(0, len(sampled) - width + 1, width)
        for a, b in spans
    ]
    deleted = 0
    if rows:
        flags = np.memmap(path, np.uint8, "r", offset=header, shape=(rows * width,))[::width]
        deleted = int((flags == ord("*")).sum())
    return Dbf(head[29], rows, deleted, names, text)


def reads(data: list[bytes], encoding: str) -> bool:
    """Tell whether all of `data` decodes; a field cut in its last character is forgiven."""
    make = codecs.getincrementaldecoder(encoding)
    for one in data:
        try:
            make().decode(one, final=False)
        except UnicodeDecodeError:
            return False
    return True


def _python_name(declared: str) -> str | None:
    plain = declared.strip().casefold()
    if plain in _CHINESE:
        return "gb18030"
    for name in (plain, f"cp{plain}", plain.replace("ansi ", "cp"), plain.replace("oem ", "cp")):
        try:
            found = codecs.lookup(name)
        except LookupError:
            continue
        # rot13, base64 and the like are "codecs" too; only text encodings count.
        return found.name if getattr(found, "_is_text_encoding", False) else None
    return None


def chosen(name: str) -> str:
    """Return the encoding a person chose.

    Raises
    ------
    Problem
        ``reader.encoding.unknown``
    """
    found = _python_name(name)
    if found is None:
        raise Problem("reader.encoding.unknown", name=name)
    return found


def decide(dbf: Dbf, cpg: str | None) -> tuple[str, Said]:
    """Return the encoding of a .dbf and the reason.

    Parameters
    ----------
    dbf : Dbf
        Header and sample.
    cpg : str or None
        Text of the .cpg.
    """
    data = [one for one in (*dbf.names, *dbf.text) if not one.isascii()]
    stated = [("reader.encoding.ldid", _LDID.get(dbf.ldid), f"0x{dbf.ldid:02X}")]
    stated.append(("reader.encoding.cpg", _python_name(cpg) if cpg else None, cpg or ""))
    passed_over = ""
    for code, name, source in stated:
        if name is None:
            continue
        # One byte is one character there, so any text "decodes". Where every text also reads as
        # UTF-8 or as GB18030 it was written in that, and the label is the tool's default.
        doubtful = name in _ANY and data and (reads(data, "utf-8") or reads(data, "gb18030"))
        if reads(data, name) and not doubtful:
            return name, said(code, source=source, name=name.upper())
        passed_over = source
    if not data:
        return "utf-8", said("reader.encoding.ascii")
    name = "utf-8" if reads(data, "utf-8") else "gb18030"
    if passed_over:
        return name, said("reader.encoding.passed_over", source=passed_over, name=name.upper())
    if name == "utf-8":
        return name, said("reader.encoding.utf8")
    sure = reads(data, "gb18030")
    return name, said("reader.encoding.gb18030" if sure else "reader.encoding.gb18030_broken")


def file_reads(path: Path, name: str) -> bool:
    """Tell whether all of a text file decodes."""
    decoder = codecs.getincrementaldecoder(name)()
    with path.open("rb") as stream:
        try:
            while data := stream.read(1 << 20):
                decoder.decode(data)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def decide_text(path: Path) -> tuple[str, Said]:
    """Return the encoding of a text file and the reason: its mark, strict UTF-8, else GB18030."""
    with path.open("rb") as stream:
        head = stream.read(4)
    for mark, name in _MARKS.items():
        if head.startswith(mark):
            return name, said("reader.encoding.mark", name=name.upper())
    if file_reads(path, "ascii"):
        return "utf-8", said("reader.encoding.ascii")
    if file_reads(path, "utf-8"):
        return "utf-8", said("reader.encoding.utf8")
    sure = file_reads(path, "gb18030")
    return "gb18030", said("reader.encoding.gb18030" if sure else "reader.encoding.gb18030_broken")

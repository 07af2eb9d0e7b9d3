"""What may be attached to a matter: documents and pictures, known by their first bytes.

An attachment is kept and handed back as it came. The server looks at how it begins, and at the list
of members of a zipped document, so that no programme comes in under a document's name.
"""

import zipfile
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from geo.problems import Problem
from geo.survey.reading.archive import check_name

_MIB = 1 << 20
# A macro rests under this name in every zipped Office document that has one.
_MACRO = "vbaProject.bin"


@dataclass(frozen=True)
class Limits:
    """How many files a matter may have, and how large each may be in MiB."""

    files: int
    mib: int


@cache
def _table() -> dict[str, Any]:
    text = resources.files("geo").joinpath("attachments.yaml").read_text("utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def limits() -> Limits:
    """Return how much may be attached to one matter."""
    return Limits(_table()["max_files"], _table()["max_file_mib"])


def endings() -> list[str]:
    """Return the endings of the files that may be attached, with their dots."""
    return [f".{kind}" for kind in _table()["kinds"]]


def media_type(name: str) -> str:
    """Return the media type of an attachment that was taken under `name`."""
    return str(_table()["kinds"][_ending(name)]["media"])


def _ending(name: str) -> str:
    return name.rpartition(".")[2].lower()


def check(name: str, path: Path) -> None:
    """Refuse a file that may not be attached.

    Parameters
    ----------
    name : str
        As its sender calls it.
    path : Path
        Its bytes.

    Raises
    ------
    Problem
        ``attachments.kind`` for another ending or content, ``attachments.macro`` for a document
        with a macro, ``attachments.too_large``, ``store.empty_file``.
    """
    check_name(name)
    size = path.stat().st_size
    if size == 0:
        raise Problem("store.empty_file", file=name)
    if size > limits().mib * _MIB:
        raise Problem("attachments.too_large", http_status=413, file=name, limit=limits().mib)
    kind = _table()["kinds"].get(_ending(name))
    refused = Problem("attachments.kind", file=name, endings=" ".join(endings()))
    if kind is None:
        raise refused
    begins = bytes.fromhex(kind["begins"])
    with path.open("rb") as opened:
        if opened.read(len(begins)) != begins:
            raise refused
    if "member" in kind:
        try:
            with zipfile.ZipFile(path) as packed:
                members = packed.namelist()
        except (zipfile.BadZipFile, ValueError, NotImplementedError):
            raise refused from None
        if kind["member"] not in members:
            raise refused
        if any(member.endswith(_MACRO) for member in members):
            raise Problem("attachments.macro", file=name)

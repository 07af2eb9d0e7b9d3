"""The sheets of one elevation model out of what was sent: a file, or a zip of several."""

from pathlib import Path, PurePosixPath

from geo.problems import Problem
from geo.survey.reading import archive
from geo.tailings.raster_kinds import kind_of

# A file so named means to be a sheet: if it is none, that is said, and it is not left out.
_SHEETS = (
    *(".tif", ".tiff", ".asc", ".img", ".hgt", ".dt0", ".dt1", ".dt2", ".dem"),
    *(".bil", ".bip", ".bsq", ".flt"),
)
_NAMED = 60  # characters of a name that are kept: in Chinese a file system takes no more


def _placed(workdir: Path, members: list[tuple[str, Path]]) -> tuple[list[Path], list[str]]:
    """Give files their own names, a folder of ours for each of theirs; and what is there twice."""
    folders: dict[str, Path] = {}
    files, twice = [], []
    for name, path in members:
        plain = PurePosixPath(name.replace("\\", "/"))
        folder = folders.setdefault(str(plain.parent), workdir / f"d{len(folders):05d}")
        folder.mkdir(exist_ok=True)
        target = folder / f"{plain.stem[:_NAMED]}{plain.suffix[:10]}"
        if target.exists():
            twice.append(archive.shown(name))
            continue
        files.append(path.rename(target))
    return files, twice


def sheets_of(path: Path, filename: str, workdir: Path) -> tuple[list[Path], list[str]]:
    """Return the sheets of a model in the order they came in, and the names of what is none.

    Parameters
    ----------
    path : Path
        One file of a kind that ``raster_kinds`` knows, or a zip of them with what belongs beside.
    filename : str
        The name its sender gave it.
    workdir : Path
        An empty folder of our own.

    Raises
    ------
    Problem
        ``reader.name.*``, ``reader.zip.*``; ``terrain.dem.kind`` for what is named like a sheet and
        is none; ``terrain.dem.no_sheet``
    """
    files, left = _placed(workdir, archive.members(path, filename, workdir))
    found: list[Path] = []
    beside: set[Path] = set()
    others: list[tuple[Path, Problem]] = []
    for one in files:
        try:
            kind = kind_of(one)
        except Problem as why:
            others.append((one, why))
            continue
        found.append(one)
        beside |= {file for file, _ in kind.beside}
    for one, problem in others:
        if one in beside:
            continue
        if one.suffix.lower() in _SHEETS or len(files) == 1:
            raise problem
        left.append(archive.shown(one.name))
    if not found:
        raise Problem("terrain.dem.no_sheet", name=archive.shown(filename))
    return found, left

"""The scripts of the pages: what one imports from another is there, and asked for at once."""

import re

from web.render import ROOM, STATIC

JS = STATIC / "js"
IMPORT = re.compile(r'^import (?:\{(?P<names>[^}]*)\} from )?"(?P<path>[^"]+)";$', re.M)
EXPORT = re.compile(r"^export (?:async )?(?:const|let|function|class) (\w+)", re.M)
MODULES = {path.name: path.read_text("utf-8") for path in JS.glob("*.js")}


def imported(name: str) -> set[str]:
    """Return all that a module needs, its own imports' imports as well."""
    found: set[str] = set()
    wanted = [name]
    while wanted:
        for match in IMPORT.finditer(MODULES.get(wanted.pop(), "")):
            path = (JS / match["path"]).resolve().relative_to(STATIC.resolve()).as_posix()
            if path not in found:
                found.add(path)
                wanted.append(path.removeprefix("js/"))
    return found


def test_a_module_exports_what_others_import_from_it() -> None:
    exported = {name: set(EXPORT.findall(text)) for name, text in MODULES.items()}
    missing = [
        (name, one)
        for name, text in MODULES.items()
        for match in IMPORT.finditer(text)
        if match["path"].startswith("./")
        for one in re.findall(r"\w+", match["names"] or "")
        if one not in exported.get(match["path"][2:], ())
    ]
    assert not missing


def test_the_map_asks_for_all_its_modules_at_once() -> None:
    """A module that is not named is asked for only when the one that names it has come."""
    page = (ROOM / "templates" / "map.html").read_text("utf-8")
    (listed,) = re.findall(r"{% for name in \((.*?)\) %}<link rel=\"modulepreload\"", page)
    named = re.findall(r"'([^']+)'", listed)
    assert len(named) == len(set(named))
    assert set(named) == imported("map.js")

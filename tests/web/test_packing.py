"""What the page sends of the files somebody chose: nothing that we read is left, and what is left is named."""

import json
import re
import shutil
import subprocess
from typing import Any

import pytest

from web.render import ROOM, STATIC

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="the scripts are run by Node")

# Node 18 keeps File in a module; a browser, and Node since 20, have it everywhere.
SCRIPT = """
import {{ File as Kept }} from "node:buffer";
import {{ parcels }} from {module};
globalThis.File ??= Kept;
const files = {files}.map(([path, text, day]) => {{
  const file = new File([text], path.split("/").at(-1), {{ lastModified: day }});
  file.relative = path;
  return file;
}});
const told = ({{ whole, left }}) => ({{
  whole: whole.map((one) => [one.name, one.size, one.lastModified]), left,
}});
const first = told(await parcels(files));
await new Promise((resolve) => setTimeout(resolve, 20));
const again = told(await parcels([...files].reverse()));
console.log(JSON.stringify([first, again]));
"""


def packed(*files: tuple[str, str, int]) -> list[dict[str, Any]]:
    """Return what is sent of files (path, content, day of change), asked twice, in either order."""
    module = json.dumps((STATIC / "js" / "packing.js").as_uri())
    text = SCRIPT.format(module=module, files=json.dumps(files))
    command = [str(NODE), "--input-type=module", "-e", text]
    done = subprocess.run(command, capture_output=True, check=True, text=True, timeout=60)
    return list(json.loads(done.stdout))


def promised() -> list[str]:
    page = (ROOM / "templates" / "uploads.html").read_text("utf-8")
    found = re.search(r'accept="([^"]+)"', page)
    assert found is not None
    return found[1].split(",")


@pytest.mark.parametrize("suffix", [s for s in promised() if s not in (".shp", ".shx", ".dbf", ".prj", ".cpg")])  # fmt: skip
def test_every_kind_the_page_promises_is_sent_as_it_is(suffix: str) -> None:
    name = f"某矿{suffix.upper()}"
    (first, _) = packed((name, "x", 7))
    assert first == {"whole": [[name, 1, 7]], "left": []}


def test_of_a_folder_all_that_is_read_goes_and_the_rest_is_named() -> None:
    (first, again) = packed(
        ("送/图.dxf", "a", 1),
        ("送/采空区.shp", "b", 5),
        ("送/采空区.dbf", "c", 9),
        ("送/工程表.xlsx", "d", 2),
        ("送/说明.docx", "e", 3),
        ("送/散/断层.dbf", "f", 4),
    )
    assert {name for name, _, _ in first["whole"]} == {"图.dxf", "工程表.xlsx", "送.zip"}
    assert set(first["left"]) == {"送/说明.docx", "送/散/断层.dbf"}
    assert sorted(first["whole"]) == sorted(again["whole"])


def test_a_folder_chosen_again_is_the_same_parcel() -> None:
    """By name, size and day of change the server knows a file it has part of."""
    (first, again) = packed(("某/a.shp", "12", 5), ("某/a.shx", "3", 9), ("某/a.dbf", "4", 7))
    assert first == again
    ((name, _, day),) = first["whole"]
    assert (name, day) == ("某.zip", 9)

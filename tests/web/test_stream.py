"""Following a file while it is read: cut off, it is taken up again; refused, it ends and says so."""

import json
import shutil
import subprocess

import pytest

from web.render import STATIC

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="the scripts are run by Node")

SCRIPT = """
globalThis.document = {{
  getElementById: () => ({{ textContent: "{{}}" }}), querySelector: () => null,
  querySelectorAll: () => [], addEventListener() {{}},
}};
globalThis.addEventListener = () => {{}};
const wait = setTimeout;
globalThis.setTimeout = (act) => wait(act, 1);
const statuses = {statuses};
let asked = 0;
globalThis.fetch = async () => ({{ status: statuses[asked - 1] }});
globalThis.EventSource = class {{
  static CLOSED = 2;
  constructor() {{
    this.on = {{}};
    this.readyState = statuses[asked] === 200 ? 1 : 2;
    const event = this.readyState === 1 ? ["progress", {{ data: '{{"state": "staged"}}' }}] : ["error", {{}}];
    asked += 1;
    wait(() => this.on[event[0]](event[1]), 1);
  }}
  addEventListener(name, act) {{ this.on[name] = act; }}
  close() {{}}
}};
const {{ follow }} = await import({module});
const last = await follow("x", () => {{}});
console.log(JSON.stringify([last.state, asked]));
"""


@pytest.mark.parametrize(
    ("statuses", "state", "asked"),
    [([200], "staged", 1), ([401], "gone", 1), ([404], "gone", 1), ([502, 502, 200], "staged", 3)],
)
def test_a_stream_ends_when_there_is_nothing_more_to_wait_for(
    statuses: list[int], state: str, asked: int
) -> None:
    module = json.dumps((STATIC / "js" / "stream.js").as_uri())
    text = SCRIPT.format(module=module, statuses=statuses)
    command = [str(NODE), "--input-type=module", "-e", text]
    done = subprocess.run(command, capture_output=True, check=True, text=True, timeout=60)
    assert json.loads(done.stdout) == [state, asked]

"""A large file in pieces: goes on after a break, is never written twice, and is nobody else's."""

import hashlib
import json
import shutil
import socket
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text

from geo.problems import Problem
from geo.store import intake, rawfiles, sendings
from geo.store.engine import SYSTEM, connect
from geo.survey.reading import ReadOptions
from tests.api.test_served import running
from tests.conftest import PASSWORDS
from tests.county import goaf, write

pytestmark = pytest.mark.database
BASE = "/api/v1/sendings"
MIB = 1 << 20


def large(tmp_path: Path, mib: int = 9) -> Path:
    """Write a good file that is large: JSON does not mind the blanks."""
    path = write(tmp_path / "大采空区.geojson", [goaf("A", "G1", x=0.1, water="无")])
    path.write_bytes(path.read_bytes() + b" " * (mib * MIB))
    return path


def begun(client, path, **more):
    said = {"filename": path.name, "size": path.stat().st_size, "layer": "goaf"} | more
    return client.post(BASE, json=said)


def piece(client, sending, offset, body, **query):
    return client.patch(f"{BASE}/{sending}", params={"offset": offset} | query, content=body)


def test_a_file_in_pieces_goes_on_after_a_break_and_is_read_as_any_other(
    client_of, settings, people, tmp_path
):
    wang, path = client_of("wang"), large(tmp_path)
    body = path.read_bytes()
    whole = hashlib.sha256(body).hexdigest()
    first = begun(wang, path, sha256=whole).json()
    assert (first["received"], first["size"]) == (0, len(body))
    step = first["piece_bytes"]
    answer = piece(
        wang, first["id"], 0, body[:step], sha256=hashlib.sha256(body[:step]).hexdigest()
    )
    assert answer.json()["received"] == step
    # The page was closed. Beginning the same file anew finds what is there.
    again = begun(wang, path, sha256=whole).json()
    assert (again["id"], again["received"]) == (first["id"], step)
    # A piece sent twice, or too early, is not written; the refusal says where to go on.
    for offset in (0, step + 1):
        refused = piece(wang, first["id"], offset, body[offset : offset + step])
        assert refused.status_code == 409
        assert refused.json()["params"]["received"] == step
    damaged = piece(wang, first["id"], step, body[step : 2 * step], sha256="0" * 64)
    assert (damaged.status_code, damaged.json()["code"]) == (422, "store.piece_broken")
    early = wang.post(f"{BASE}/{first['id']}/finish")
    assert (early.status_code, early.json()["params"]["received"]) == (409, step)
    for at in range(step, len(body), step):
        assert piece(wang, first["id"], at, body[at : at + step]).status_code == 200
    upload = wang.post(f"{BASE}/{first['id']}/finish").json()["id"]
    # Kept as it was sent, and no piece is left over.
    with connect(settings, "worker", SYSTEM) as conn:
        kept = intake.upload_status(conn, upload)
    assert kept["sha256"] == whole
    assert rawfiles.path_of(settings, whole).read_bytes() == body
    assert list(settings.raw_files.glob(".part-*")) == []
    assert wang.get(BASE).json() == []
    intake.process_upload(settings, upload)
    found = wang.get(f"/api/v1/uploads/{upload}").json()
    assert (found["state"], found["result"]["stored"]) == ("staged", 1)


def test_another_content_than_stated_is_refused_at_the_end(client_of, tmp_path):
    wang, path = client_of("wang"), large(tmp_path, 1)
    one = begun(wang, path, sha256="ab" * 32).json()
    assert piece(wang, one["id"], 0, path.read_bytes()).status_code == 200
    answer = wang.post(f"{BASE}/{one['id']}/finish")
    assert (answer.status_code, answer.json()["code"]) == (409, "store.file_broken")
    assert wang.delete(f"{BASE}/{one['id']}").status_code == 204
    assert wang.get(f"{BASE}/{one['id']}").status_code == 404


def test_half_a_file_is_nobodys_but_its_senders(client_of, tmp_path):
    path = large(tmp_path, 1)
    one = begun(client_of("wang"), path).json()["id"]
    for login in ("zhang", "rival", "admin", "zhao"):
        other = client_of(login)
        assert other.get(BASE).json() == []
        for answer in (
            other.get(f"{BASE}/{one}"),
            piece(other, one, 0, b"x"),
            other.post(f"{BASE}/{one}/finish"),
            other.delete(f"{BASE}/{one}"),
        ):
            assert answer.status_code == 404, login
    assert client_of("wang").get(f"{BASE}/{one}").json()["received"] == 0


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [({"size": 10**11}, 413, "store.too_large"), ({"size": 0}, 422, None),
     ({"filename": "../x.zip"}, 422, "reader.name.climbs"),
     ({"filename": "map.vrt"}, 422, "reader.name.virtual"), ({"sha256": "no"}, 422, None)],
)  # fmt: skip
def test_what_would_be_refused_is_refused_before_a_byte_is_sent(
    client_of, tmp_path, more, status, code
):
    answer = begun(client_of("wang"), large(tmp_path, 1), **more)
    assert answer.status_code == status
    assert code is None or answer.json()["code"] == code


def test_one_person_has_only_so_much_under_way(settings, people):
    wang, some = people["wang"], settings.max_upload_bytes
    fits = settings.max_sending_bytes // some
    with connect(settings, "worker", wang) as conn:
        for number in range(fits):
            sendings.begin(conn, wang, f"{number}.zip", some, ReadOptions(), settings=settings)
        with pytest.raises(Problem) as refused:
            sendings.begin(conn, wang, "more.zip", some, ReadOptions(), settings=settings)
        assert refused.value.http_status == 429
        # The same file is the same file, and another person has room of their own.
        sendings.begin(conn, wang, "0.zip", some, ReadOptions(), settings=settings)
        rival = people["rival"]
        sendings.begin(conn, rival, "more.zip", some, ReadOptions(), settings=settings)


def test_what_nobody_goes_on_with_is_swept_with_its_bytes(settings, people):
    wang = people["wang"]
    with connect(settings, "worker", wang) as conn:
        old, young = (
            sendings.begin(conn, wang, name, 10, ReadOptions(), settings=settings)
            for name in ("old.zip", "young.zip")
        )
        for row in (old, young):
            sendings.add(conn, wang, row.id, 0, b"abc", settings=settings)
        conn.execute(
            text(
                "UPDATE staging.sending SET touched_at = now() - interval '4 days' WHERE id = :id"
            ),
            {"id": old.id},
        )
        stray = settings.raw_files / ".part-0123"
        stray.write_bytes(b"x")
        assert sendings.sweep(conn, settings) == 2
        assert [row.id for row in sendings.listed(conn, wang)] == [young.id]
        assert sendings.path_of(settings, young.id).read_bytes() == b"abc"
        assert rawfiles.sweep(settings, set()) == []


def test_bytes_lost_in_a_crash_are_asked_for_again(settings, people):
    wang = people["wang"]
    with connect(settings, "worker", wang) as conn:
        row = sendings.begin(conn, wang, "a.zip", 6, ReadOptions(), settings=settings)
        sendings.add(conn, wang, row.id, 0, b"abcd", settings=settings)
        # The row says four, but the machine died before the disk had more than two.
        sendings.path_of(settings, row.id).write_bytes(b"ab")
        with pytest.raises(Problem) as refused:
            sendings.add(conn, wang, row.id, 4, b"ef", settings=settings)
        assert refused.value.params["received"] == 2
        assert sendings.add(conn, wang, row.id, 2, b"cdef", settings=settings) == 6
        assert sendings.path_of(settings, row.id).read_bytes() == b"abcdef"


def test_with_curl_through_a_connection_that_breaks(settings, people, tmp_path):
    path, jar = large(tmp_path), tmp_path / "cookies"
    assert shutil.which("curl"), "curl is missing"

    def curl(*args: str) -> dict:
        told = subprocess.run(
            ["curl", "-sS", "-b", jar, "-c", jar, *args], capture_output=True, check=True, text=True
        )
        return json.loads(told.stdout)

    with running(tmp_path, "worker") as (url, _):
        api = f"{url}/api/v1"
        login = json.dumps({"login": "wang", "password": PASSWORDS["wang"]})
        kind = ("-H", "Content-Type: application/json")
        token = curl(*kind, "-d", login, f"{api}/session")["csrf"]
        signed = ("-H", f"X-CSRF-Token: {token}")
        said = json.dumps({"filename": path.name, "size": path.stat().st_size, "layer": "goaf"})
        one = curl(*signed, *kind, "-d", said, f"{api}/sendings")
        where, step = f"{api}/sendings/{one['id']}", one["piece_bytes"]
        body = path.read_bytes()

        def put(offset: int) -> dict:
            (tmp_path / "piece").write_bytes(body[offset : offset + step])
            octets = ("-H", "Content-Type: application/octet-stream")
            data = ("-X", "PATCH", "--data-binary", f"@{tmp_path / 'piece'}")
            return curl(*signed, *octets, *data, f"{where}?offset={offset}")

        assert put(0)["received"] == step
        # The line goes dead in the midst of the second piece.
        cookie = next(line.split("\t") for line in jar.read_text().splitlines() if "_session" in line or "\tminerisk" in line)  # fmt: skip
        address = urlsplit(url)
        with socket.create_connection((address.hostname, address.port), 10) as raw:
            head = (
                f"PATCH /api/v1/sendings/{one['id']}?offset={step} HTTP/1.1\r\nHost: x\r\n"
                f"Cookie: {cookie[5]}={cookie[6]}\r\nX-CSRF-Token: {token}\r\n"
                f"Content-Length: {step}\r\n\r\n"
            )
            raw.sendall(head.encode() + body[step : step + MIB])
        there = curl(where)["received"]
        assert there == step
        for offset in range(there, len(body), step):
            put(offset)
        upload = curl(*signed, "-X", "POST", f"{where}/finish")["id"]
        stream = subprocess.run(
            ["curl", "-sSN", "-b", jar, f"{api}/uploads/{upload}/events"],
            capture_output=True, check=True, text=True,
        ).stdout  # fmt: skip
        assert '"state": "staged"' in stream
        assert curl(f"{api}/uploads/{upload}")["result"]["stored"] == 1

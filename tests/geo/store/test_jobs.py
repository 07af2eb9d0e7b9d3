"""The queue: a job and its upload appear together, and what a kill left is picked up again."""

import asyncio
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text, update

from geo.store import intake, mine_evidence, mine_queries, rawfiles, survey_queries
from geo.store.engine import SYSTEM, connect
from geo.store.grading import new_day
from geo.store.jobs import app, retry_stalled
from geo.store.tables import upload
from geo.survey.reading import ReadOptions
from tests.conftest import TODAY
from tests.county import boundary, write

pytestmark = pytest.mark.database


@pytest.fixture
def sent(settings, people, tmp_path):
    """Return a function that sends a file, with its job or without."""

    def send(enqueue=True):
        path = write(tmp_path / "b.geojson", [boundary("A", "甲公司")])
        with connect(settings, "worker", people["wang"]) as conn:
            return intake.register_upload(
                conn,
                people["wang"],
                path.name,
                path,
                ReadOptions(layer="mine_boundary"),
                settings=settings,
                enqueue=enqueue,
            )

    return send


def jobs(settings):
    with connect(settings, "worker", SYSTEM) as conn:
        found = conn.execute(
            text("SELECT args ->> 'upload_id', status FROM jobs.procrastinate_jobs")
        )
        return sorted((row[0], row[1]) for row in found)


def state(settings, upload_id):
    with connect(settings, "worker", SYSTEM) as conn:
        return conn.scalar(select(upload.c.state).where(upload.c.id == upload_id))


def test_the_upload_and_its_job_appear_together_or_not_at_all(settings, people, tmp_path, sent):
    upload_id = sent()
    assert jobs(settings) == [(str(upload_id), "todo")]
    path = write(tmp_path / "c.geojson", [boundary("B", "甲公司", x=1)])
    with connect(settings, "worker", people["wang"]) as conn:
        intake.register_upload(
            conn, people["wang"], path.name, path, ReadOptions(), settings=settings
        )
        assert len(survey_queries.uploads(conn)) == 2
        conn.get_transaction().rollback()
    assert jobs(settings) == [(str(upload_id), "todo")]
    with connect(settings, "worker", SYSTEM) as conn:
        assert len(survey_queries.uploads(conn)) == 1


def test_a_job_of_a_killed_worker_is_done_by_the_next(settings, sent):
    upload_id = sent()

    async def story():
        queue = app(settings)
        async with queue.open_async():
            killed = await queue.job_manager.register_worker()
            job = await queue.job_manager.fetch_job(queues=["uploads"], worker_id=killed)
            assert job is not None
            # It lives: nobody takes its job.
            assert await retry_stalled(queue) == 0
            with connect(settings, "worker", SYSTEM) as conn:
                conn.execute(
                    text(
                        "UPDATE jobs.procrastinate_workers "
                        "SET last_heartbeat = now() - interval '5 minutes'"
                    )
                )
            assert await retry_stalled(queue) == 1
            await queue.run_worker_async(
                queues=["uploads"], wait=False, install_signal_handlers=False
            )

    asyncio.run(story())
    assert state(settings, upload_id) == "staged"
    assert jobs(settings) == [(str(upload_id), "succeeded")]


def test_an_upload_nobody_reads_is_queued_again_and_a_fresh_one_is_left(settings, sent):
    left, queued = sent(enqueue=False), sent()
    fresh = sent(enqueue=False)
    old = datetime.now(UTC) - timedelta(minutes=10)
    with connect(settings, "worker", SYSTEM) as conn:
        conn.execute(
            update(upload)
            .where(upload.c.id.in_([left, queued]))
            .values(state="reading", heartbeat_at=old)
        )
    for expected in ([left], []):
        with connect(settings, "worker", SYSTEM) as conn:
            assert intake.sweep(conn) == expected
    assert jobs(settings) == sorted([(str(left), "todo"), (str(queued), "todo")])
    assert state(settings, fresh) == "queued"


def test_reading_twice_stages_once(settings, sent):
    upload_id = sent(enqueue=False)
    for _ in range(2):
        intake.process_upload(settings, upload_id)
    with connect(settings, "worker", SYSTEM) as conn:
        assert conn.scalar(text("SELECT count(*) FROM staging.staged_feature")) == 1
        # Killed after the rows were written, before they were committed: read anew, not doubled.
        conn.execute(update(upload).values(state="reading"))
    intake.process_upload(settings, upload_id)
    with connect(settings, "worker", SYSTEM) as conn:
        assert conn.scalar(text("SELECT count(*) FROM staging.staged_feature")) == 1
    assert state(settings, upload_id) == "staged"


def test_an_abandoned_upload_is_thrown_away_after_a_week(settings, sent):
    upload_id = sent(enqueue=False)
    intake.process_upload(settings, upload_id)
    with connect(settings, "worker", SYSTEM) as conn:
        intake.sweep(conn)
    assert state(settings, upload_id) == "staged"
    with connect(settings, "worker", SYSTEM) as conn:
        conn.execute(update(upload).values(created_at=datetime.now(UTC) - timedelta(days=8)))
        intake.sweep(conn)
    assert state(settings, upload_id) is None


def test_a_new_day_is_graded_once_and_lowers_nothing(settings, two_mines):
    tomorrow = TODAY + timedelta(days=1)
    with connect(settings, "worker", SYSTEM) as conn:
        before = mine_queries.grades(conn, tomorrow)
        seen = new_day(conn, tomorrow)
    assert seen is not None
    assert sorted(seen.mines) == ["A", "B"]
    with connect(settings, "worker", SYSTEM) as conn:
        assert new_day(conn, tomorrow) is None
        assert mine_queries.grades(conn, tomorrow) == before
        assert mine_evidence.mine(conn, "A", tomorrow)["coverage_on"] == tomorrow
        # A day on which nothing moved is no line of its history.
        assert all(
            h["kind"] != "regrade" for h in mine_evidence.mine(conn, "A", tomorrow)["history"]
        )


def test_bytes_just_kept_are_not_swept_away(settings, tmp_path):
    source = Path(tmp_path / "x")
    source.write_bytes(b"bytes")
    digest, size = rawfiles.keep(settings, source)
    assert (size, rawfiles.missing(settings, {digest})) == (5, [])
    assert rawfiles.sweep(settings, set()) == []
    os.utime(rawfiles.path_of(settings, digest), (0, 0))
    assert rawfiles.sweep(settings, {digest}) == []
    assert rawfiles.sweep(settings, set()) == [digest]
    assert rawfiles.missing(settings, {digest}) == [digest]

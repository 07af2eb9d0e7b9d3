"""Work spread over processes: the same rows, and a worker that dies costs time, nothing else."""

import os
import signal
from pathlib import Path

import pytest
from sqlalchemy import text

from geo.problems import Problem
from geo.spread import one_after_another, spread_over
from geo.store import export, grading
from geo.store.engine import SYSTEM, connect
from geo.store.publish import publishing
from tests.conftest import TODAY
from tests.county import extent, goaf

pytestmark = pytest.mark.database


def dies_once(folder, number):
    """Answer `number`; the first to be asked for 3 takes its whole process with it."""
    mark = Path(folder) / "died"
    if number == 3 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


@pytest.fixture(scope="module")
def two_workers():
    with spread_over("local", workers=2) as spread:
        yield spread


def test_a_dead_workers_tasks_are_run_again_in_their_order(two_workers, tmp_path):
    tasks = [(str(tmp_path), number) for number in range(12)]
    assert list(two_workers(dies_once, tasks)) == [number * number for number in range(12)]
    assert (tmp_path / "died").exists()


def test_spread_or_not_the_state_is_the_same_to_the_byte(
    two_workers, settings, two_mines, monkeypatch
):
    # One mine a task, so that neighbours are graded by different processes.
    monkeypatch.setattr(grading, "_CHUNK", 1)
    two_mines([goaf("B", "G1", x=1.02, water="有", known="否", volume="不清")], "goaf")
    two_mines([extent("A", "采空区")], "survey_extent")
    seen = []
    for spread in (one_after_another, two_workers):
        with connect(settings, "worker", SYSTEM) as conn:
            with publishing(conn, SYSTEM, "regrade", TODAY) as made:
                changes = grading.regrade(made, None, spread=spread)
            assert (changes.mines, changes.claims_added, changes.claims_ended) == (["A", "B"], 0, 0)
            written = conn.execute(
                text(
                    "SELECT mine_code, lines, coverage, summary FROM minerisk.mine_state "
                    "WHERE batch_id = :batch ORDER BY mine_code"
                ),
                {"batch": made.id},
            ).all()
            seen.append((list(export.export_state(conn, TODAY)), written))
    assert seen[0] == seen[1]


def test_two_commands_spread_their_work_at_once_and_say_nothing_of_it(two_workers, capfd):
    with spread_over("local", workers=1) as other:
        assert list(other(abs, [(-1,), (-2,)])) == [1, 2]
        assert list(two_workers(abs, [(-3,)])) == [3]
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "")


def runs_out_of_memory(folder):
    """Take the whole process along whenever it is run; leave a line each time."""
    with (Path(folder) / "died").open("a") as file:
        file.write("x")
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_task_that_ends_every_worker_is_given_up_in_a_sentence(tmp_path):
    with spread_over("local", workers=1) as spread:
        with pytest.raises(Problem) as told:
            list(spread(runs_out_of_memory, [(str(tmp_path),)]))
        assert told.value.code == "spread.died"
        assert len((tmp_path / "died").read_text()) > 1


def test_nobody_at_the_address_is_said_in_a_sentence():
    with (
        pytest.raises(Problem, match="No Dask scheduler"),
        spread_over("tcp://127.0.0.1:1"),
    ):
        pass

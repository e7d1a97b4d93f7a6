import json
from pathlib import Path

import httpx
import pytest
from redis import Redis

from shared.job_parts import JobState
from shared.job_store import JobStore
from tests.cli.program import Program
from tests.contract.serving import working
from tests.support.builders import bring_to, queued_job, store_job

APPLE = "aaaaaaaa-0000-4000-8000-000000000001"
PEAR = "aaaaaaab-0000-4000-8000-000000000002"
NOBODY = "00000000-0000-4000-8000-000000000000"


def listed(program: Program, *arguments: str) -> list[str]:
    done = program("jobs", "--json", *arguments)
    assert done.status == 0, done.err
    return [job["id"] for job in json.loads(done.out)["jobs"]]


class TestJobs:
    def test_are_listed_newest_first_with_what_matters(
        self, program: Program, store: JobStore
    ) -> None:
        store_job(store, APPLE)
        store_job(store, PEAR, prompt="a pear\x1b[2J", width=512, seed=7)
        head, *lines = program("jobs").out.splitlines()
        assert head.split() == ["id", "state", "age", "progress", "size", "seed", "prompt"]
        assert [line.split()[0] for line in lines] == [PEAR, APPLE]
        assert "queued" in lines[0]
        assert "1 before it" in lines[0]
        assert "512x256  7     a pear�[2J" in lines[0]

    def test_are_listed_as_the_service_tells_them(
        self, program: Program, service: httpx.Client, store: JobStore
    ) -> None:
        store_job(store, APPLE)
        told = json.loads(program("jobs", "--json").out)
        assert told == {"jobs": [service.get(f"/jobs/{APPLE}").json()]}

    def test_cut_their_prompts_where_a_line_is_too_long(
        self, program: Program, store: JobStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store_job(store, APPLE, prompt="a red apple on a white table, " * 9, seed=2**32 - 1)
        monkeypatch.setenv("FORCE_COLOR", "1")  # As on a terminal.
        monkeypatch.setenv("NO_COLOR", "1")
        monkeypatch.setenv("COLUMNS", "80")
        line = program("jobs").out.splitlines()[1]
        assert line.startswith(f"{APPLE[:8]}  queued  ")
        assert "next      256x256  4294967295  a red" in line
        assert line.rstrip().endswith("…")
        assert len(line) <= 80

    def test_may_be_none(self, program: Program) -> None:
        done = program("jobs")
        assert (done.status, done.out, done.err) == (0, "", "no jobs\n")

    def test_may_be_those_in_some_states_only(self, program: Program, store: JobStore) -> None:
        for state in JobState:
            bring_to(store, state, f"{state}-job")
        found = listed(program, "--state", "failed", "--state", "succeeded")
        assert sorted(found) == ["failed-job", "succeeded-job"]

    def test_come_from_as_many_pages_as_are_needed(self, program: Program, store: JobStore) -> None:
        ids = [f"{number:08}-0000-4000-8000-000000000000" for number in range(130)]
        for job_id in ids:
            store.add(queued_job(job_id, now=store.now()), limit=1000)
        assert listed(program, "--limit", "120") == ids[::-1][:120]
        assert len(listed(program)) == 20
        assert listed(program, "--limit", "1") == [ids[-1]]


class TestShow:
    @pytest.mark.parametrize("command", ["show", "jobs"])
    def test_tells_all_about_one(self, program: Program, store: JobStore, command: str) -> None:
        store_job(store, APPLE, negative_prompt="pears")
        lines = program(command, APPLE).out.splitlines()
        told = dict(line.split(maxsplit=1) for line in lines)
        assert told["id"].strip() == APPLE
        assert told["progress"].strip() == "next"
        assert told["without"].strip() == "pears"

    def test_tells_why_there_is_no_picture(self, program: Program, store: JobStore) -> None:
        bring_to(store, JobState.FAILED, APPLE)
        assert "nan_output: The model gave no finite picture." in program("show", APPLE).out

    def test_takes_the_beginning_of_an_id(self, program: Program, store: JobStore) -> None:
        store_job(store, APPLE)
        store_job(store, PEAR)
        assert json.loads(program("show", "aaaaaaaa", "--json").out)["id"] == APPLE

    def test_refuses_a_beginning_that_several_have(self, program: Program, store: JobStore) -> None:
        store_job(store, APPLE)
        store_job(store, PEAR)
        done = program("show", "aaaaaaa")
        assert (done.status, done.out) == (2, "")
        assert done.err.startswith("error: 2 jobs begin with aaaaaaa\n")

    @pytest.mark.parametrize("job_id", [NOBODY, "0000", "../health"])
    def test_knows_no_job_that_is_not_there(self, program: Program, job_id: str) -> None:
        done = program("show", job_id)
        assert done.status == 1
        assert done.err.startswith("error: ")


class TestCancel:
    def test_tells_what_each_is_now(self, program: Program, store: JobStore) -> None:
        store_job(store, APPLE)
        bring_to(store, JobState.RUNNING, "running-job")
        bring_to(store, JobState.SUCCEEDED, "done-job")
        done = program("cancel", APPLE[:8], "running-job", "done-job")
        assert done.status == 0
        assert done.out.splitlines() == [
            f"{APPLE}  canceled",
            "running-job  canceling",
            "done-job  succeeded",
        ]

    def test_cancels_the_others_where_one_is_not_there(
        self, program: Program, store: JobStore
    ) -> None:
        store_job(store, APPLE)
        done = program("cancel", NOBODY, APPLE, "--json")
        told = json.loads(done.out)
        assert done.status == 1
        assert [job["state"] for job in told["jobs"]] == ["canceled"]
        assert [error["error"] for error in told["errors"]] == ["NotFound"]


class TestFetch:
    def test_waits_for_a_job_and_saves_its_picture(
        self, program: Program, redis: Redis, tmp_path: Path
    ) -> None:
        with working(redis):
            request = {"prompt": "a red apple", "seed": 42}
            job = httpx.post(f"{program.url}/jobs", json=request).json()
            done = program("fetch", job["id"][:8], "-o", str(tmp_path))
        assert done.status == 0, done.err
        (file,) = tmp_path.iterdir()
        assert file.name == f"{job['id'][:8]}-42.png"
        assert file.read_bytes() == httpx.get(f"{program.url}/jobs/{job['id']}/image").content

    def test_says_that_there_is_none(self, program: Program, store: JobStore) -> None:
        bring_to(store, JobState.CANCELED, APPLE)
        done = program("fetch", APPLE, "--json")
        assert (done.status, json.loads(done.out)["state"]) == (1, "canceled")

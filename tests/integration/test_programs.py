"""The programs that people run, run as they run them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from scripts.ports import free_port
from tests.support.stack import ROOT, Stack, eventually
from tests.support.webhooks import SECRET


class TestSmokeScript:
    def test_finds_nothing_wrong_with_a_good_server(self, stack: Stack) -> None:
        done = subprocess.run(
            [sys.executable, "scripts/smoke_gpu_server.py", "--url", stack.url],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "FAIL" not in done.stdout

    def test_fails_where_nothing_answers(self) -> None:
        url = f"http://127.0.0.1:{free_port()}"
        done = subprocess.run(
            [sys.executable, "scripts/smoke_gpu_server.py", "--url", url],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert "ConnectError" in done.stdout


def environment(tmp_path: Path, **settings: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "HOST": "127.0.0.1",
        "PORT": str(free_port()),
        "DATA_DIR": str(tmp_path / "data"),
        **settings,
    }


def serve(settings: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "scripts.serve", *arguments],
        cwd=ROOT,
        env=settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def read_until(process: subprocess.Popen[str], text: str) -> str:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if text in line:
            return line
    pytest.fail(f"{text!r} never came:\n{''.join(lines)}")


class TestDeliveryWorker:
    def test_does_not_start_where_webhooks_are_off(self, tmp_path: Path) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "worker.webhooks.main"],
            cwd=ROOT,
            env=environment(tmp_path),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == os.EX_CONFIG
        assert "WEBHOOK_SECRET is not set" in done.stderr


class TestServe:
    def test_says_when_it_is_ready_keeps_jobs_over_a_restart_and_leaves_no_process(
        self, tmp_path: Path
    ) -> None:
        settings = environment(tmp_path)
        url = f"http://127.0.0.1:{settings['PORT']}"
        request = {"prompt": "a cat on a mat", "num_inference_steps": 5, "height": 256}

        first = serve(settings)
        read_until(first, f"Ready: {url}")
        assert not runs(first, "worker.webhooks.main")
        painted = httpx.post(f"{url}/generate", json=request, timeout=60)
        stop_and_check(first)

        second = serve(settings)
        read_until(second, f"Ready: {url}")
        kept = httpx.get(f"{url}/jobs/{painted.headers['x-job-id']}/image")
        stop_and_check(second, signal.SIGHUP)
        assert kept.content == painted.content

    def test_starts_again_what_dies(self, tmp_path: Path) -> None:
        settings = environment(tmp_path, WEBHOOK_SECRET=SECRET)
        process = serve(settings)
        read_until(process, "Ready: ")
        assert runs(process, "worker.webhooks.main")
        url = f"http://127.0.0.1:{settings['PORT']}/livez"
        api = next(p for p in children(process) if "api.main" in p.cmdline())
        api.kill()
        api.wait()
        eventually(lambda: answers(url), until=bool)
        stop_and_check(process)

    @pytest.mark.parametrize(
        ("name", "value", "said"),
        [
            ("PORT", "many", "Wrong setting PORT=many"),
            ("MODEL_ID", "/nowhere", "MODEL_ID=/nowhere: no such folder or file"),
            ("DEVICE", "cuda", "DEVICE=cuda: torch finds no such device"),
            ("DATA_DIR", "/dev/null/data", "Cannot write to /dev/null/data"),
        ],
    )
    def test_stops_with_one_clear_line_where_it_cannot_start(
        self, tmp_path: Path, name: str, value: str, said: str
    ) -> None:
        process = serve(environment(tmp_path, **{name: value}))
        output, _ = process.communicate()
        assert process.returncode == 1
        assert said in output

    def test_names_the_port_that_is_taken(self, tmp_path: Path, stack: Stack) -> None:
        process = serve(environment(tmp_path, PORT=str(stack.port)))
        output, _ = process.communicate()
        assert process.returncode == 1
        assert f"PORT={stack.port}" in output
        assert len(output.splitlines()) == 1


class TestFlower:
    def test_shows_rows_that_a_person_can_read_to_who_has_the_login_that_was_made_up(
        self, tmp_path: Path
    ) -> None:
        settings = environment(tmp_path, FLOWER_PORT=str(free_port()))
        flower = f"http://127.0.0.1:{settings['FLOWER_PORT']}"
        process = serve(settings, "--with-flower")
        told = read_until(process, "Flower: ")
        login = ("flower", told.partition("password ")[2].rstrip(")\n"))
        eventually(lambda: answers(f"{flower}/healthcheck"), until=bool)
        eventually(lambda: workers_known(flower, login), until=bool)

        # It asks the workers for their events every five seconds, and knows no earlier jobs.
        (row,) = eventually(lambda: painted_rows(settings["PORT"], flower, login), until=bool)[:1]
        asked = [httpx.get(f"{flower}{path}").status_code for path in ("/", "/api/tasks")]
        counted = httpx.get(f"{flower}/metrics").text
        stop_and_check(process)

        assert [row[field] for field in ("args", "kwargs", "result")] == [
            "'a cat on a mat'",
            "256x512 5 steps seed 7 dpmsolver++",
            "'painted'",
        ]
        assert asked == [401, 401]
        assert 'flower_events_total{task="generate",type="task-succeeded"' in counted


def workers_known(flower: str, login: tuple[str, str]) -> bool:
    return bool(httpx.get(f"{flower}/api/workers", auth=login, params={"status": True}).json())


def painted_rows(port: str, flower: str, login: tuple[str, str]) -> list[dict[str, object]]:
    """Paint one more picture, and give what Flower shows of those that it has seen painted."""
    httpx.post(
        f"http://127.0.0.1:{port}/generate",
        json={"prompt": "a cat on a mat", "num_inference_steps": 5, "width": 256, "seed": 7},
        timeout=60,
    ).raise_for_status()
    tasks = httpx.get(f"{flower}/api/tasks", auth=login).json()
    return [task for task in tasks.values() if task["state"] == "SUCCESS"]


def children(process: subprocess.Popen[str]) -> list[psutil.Process]:
    found: list[psutil.Process] = psutil.Process(process.pid).children(recursive=True)
    return found


def runs(process: subprocess.Popen[str], module: str) -> bool:
    return any(module in child.cmdline() for child in children(process))


def stop_and_check(process: subprocess.Popen[str], how: int = signal.SIGINT) -> None:
    """Press Ctrl-C, or close the terminal, and see that everything it started has gone."""
    started = children(process)
    process.send_signal(how)
    process.communicate()
    assert process.returncode == 0
    assert [child for child in started if child.is_running()] == []


def answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.HTTPError:
        return False

"""The command line as people run it: a process of its own against the real service."""

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import httpx

from tests.support.stack import ROOT, Stack, eventually

INSTALLED = Path(sys.executable).with_name("semantic-bit")
# The program that pip installs, or what it runs where the project is not installed.
PROGRAM = [str(INSTALLED)] if INSTALLED.is_file() else [sys.executable, "-m", "scripts.cli.main"]
QUICK = ("--steps", "5", "--width", "256", "--height", "256")
SLOW = ("--steps", "60", "--width", "768", "--height", "768")


def environment(stack: Stack) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "SEMANTIC_BIT_URL": stack.url,
        "REDIS_URL": stack.redis_url,
    }


def run(stack: Stack, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *arguments],
        cwd=folder,
        env=environment(stack),
        capture_output=True,
        text=True,
        check=False,
    )


class TestGenerate:
    def test_paints_a_picture_from_any_folder(self, stack: Stack, tmp_path: Path) -> None:
        done = run(
            stack, tmp_path, "generate", "a red apple", "--seed", "42", "-o", "a.png", *QUICK
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("a.png  seed 42  ")
        assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")

    def test_moves_a_bar_on_a_terminal(self, stack: Stack, tmp_path: Path) -> None:
        ours, theirs = pty.openpty()
        arguments = ("generate", "a red apple", "-o", "a.png", *QUICK[2:], "--steps", "40")
        terminal = {"TERM": "xterm", "COLUMNS": "100"}
        process = subprocess.Popen(
            [*PROGRAM, *arguments],
            cwd=tmp_path,
            env={**environment(stack), **terminal},
            stdout=subprocess.DEVNULL,
            stderr=theirs,
        )
        os.close(theirs)
        shown = read_all(ours)
        assert process.wait() == 0, shown
        assert b"painting" in shown
        assert b"/40" in shown
        assert b" left" in shown

    def test_cancels_its_job_on_ctrl_c(
        self, stack: Stack, client: httpx.Client, tmp_path: Path
    ) -> None:
        process = subprocess.Popen(
            [*PROGRAM, "generate", "a red apple", *SLOW],
            cwd=tmp_path,
            env=environment(stack),
            stderr=subprocess.PIPE,
            text=True,
        )
        (job,) = eventually(lambda: running_jobs(client), until=lambda jobs: jobs != [])
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
        assert process.returncode == 130, told
        assert told.splitlines()[-1] == "error: interrupted"
        assert "Traceback" not in told
        ended = client.get(job["urls"]["self"], params={"wait": 30}).json()
        assert ended["state"] == "canceled"
        assert list(tmp_path.iterdir()) == []


class TestDoctor:
    def test_finds_nothing_broken(self, stack: Stack, tmp_path: Path) -> None:
        done = run(stack, tmp_path, "doctor", "--json")
        told = json.loads(done.stdout)
        assert told["ok"], told
        worker = next(finding for finding in told["findings"] if finding["name"] == "worker")
        assert "paints with demo" in worker["detail"]


class TestServe:
    def test_says_what_is_wrong_from_any_folder(self, stack: Stack, tmp_path: Path) -> None:
        settings = {**environment(stack), "HOST": "127.0.0.1", "PORT": str(stack.port)}
        done = subprocess.run(
            [*PROGRAM, "serve"],
            cwd=tmp_path,
            env=settings,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert done.stderr.startswith(f"Cannot listen on HOST=127.0.0.1 PORT={stack.port}: ")


def running_jobs(client: httpx.Client) -> list[dict[str, dict[str, str]]]:
    jobs: list[dict[str, dict[str, str]]] = client.get("/jobs?state=running").json()["jobs"]
    return jobs


def read_all(terminal: int) -> bytes:
    """Read what was shown; Linux says with an error that nobody has the other end any more."""
    shown = b""
    try:
        while part := os.read(terminal, 65536):
            shown += part
    except OSError:
        pass
    finally:
        os.close(terminal)
    return shown

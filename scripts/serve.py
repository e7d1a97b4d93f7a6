"""Start everything on this machine: Redis where none is given, the workers, the API, Flower.

Supervisor keeps the processes alive; this program writes its configuration, waits until a picture
can be made, and passes a stop on.
"""

import argparse
import fcntl
import os
import pwd
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from secrets import token_urlsafe
from socket import SO_REUSEADDR, SOL_SOCKET, socket
from threading import Thread
from types import FrameType
from typing import NoReturn
from xmlrpc.client import Error, ServerProxy

from supervisor.xmlrpc import SupervisorTransport

from scripts.embedded_redis import prepare
from scripts.home import home
from shared.settings import Settings, load_settings

_GIVEN_UP = frozenset({"FATAL", "EXITED"})
_FLOWER_CONFIG = Path(__file__).with_name("flowerconfig.py")
_POLL_SECONDS = 0.3
_EVERYWHERE = "0.0.0.0"  # noqa: S104  # Compared with, not listened on.

_SUPERVISOR = """\
[supervisord]
nodaemon=true
loglevel=error
logfile=/dev/null
logfile_maxbytes=0
pidfile={control}/supervisord.pid
user={user}

[unix_http_server]
file={control}/supervisor.sock
username=serve
password={password}

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""

# Exit status 78 says that starting again cannot help; anything else is started again.
_PROGRAM = """
[program:{name}]
command={command}
directory={root}
priority={priority}
exitcodes=78
autorestart=unexpected
startretries=10
stopwaitsecs=30
killasgroup=true
redirect_stderr=true
stdout_logfile=/dev/fd/1
stdout_logfile_maxbytes=0
"""


def main(arguments: Sequence[str] | None = None, *, program: str = "./run.sh") -> None:
    """Start everything, say when a picture can be made, and stop everything at Ctrl-C."""
    parser = argparse.ArgumentParser(prog=program, description=__doc__)
    parser.add_argument(
        "--with-flower", action="store_true", help="show the queue on FLOWER_PORT of this machine"
    )
    with_flower = parser.parse_args(arguments).with_flower
    os.chdir(home())  # What is started reads its settings there, so this process does too.
    settings = load_settings()
    _check_port(settings)
    if settings.log_format == "auto" and sys.stdout.isatty():
        os.environ["LOG_FORMAT"] = "console"  # The processes write to a pipe of Supervisor's.
    try:
        lock = _lock(settings.data_dir)
        programs = _programs(settings, with_flower=with_flower)
        with tempfile.TemporaryDirectory(prefix="semantic-bit-") as control:
            flower = _give_flower_a_login(settings) if with_flower else ""
            sys.exit(_supervise(programs, settings, Path(control), lock, flower=flower))
    except OSError as error:
        _give_up(f"Cannot write to {error.filename or settings.data_dir}: {error.strerror}.")
    except LookupError as error:
        _give_up(str(error))


def _programs(settings: Settings, *, with_flower: bool) -> dict[str, list[str]]:
    programs: dict[str, list[str]] = {}
    if "redis_url" not in settings.model_fields_set:
        redis = prepare(settings.data_dir / "redis")
        programs["redis"] = list(redis.command)
        os.environ["REDIS_URL"] = redis.url
    programs["worker"] = [sys.executable, "-m", "worker.main"]
    if settings.webhook_secrets:
        programs["webhooks"] = [sys.executable, "-m", "worker.webhooks.main"]
    programs["api"] = [sys.executable, "-m", "api.main"]
    if with_flower:
        where = ("--address=127.0.0.1", f"--port={settings.flower_port}")
        flower = ("flower", f"--conf={_FLOWER_CONFIG}", *where)
        programs["flower"] = [sys.executable, "-m", "celery", "--app=scripts.flower_app", *flower]
    return programs


def _give_flower_a_login(settings: Settings) -> str:
    """Hand over the logins that are set or a made-up one, and give what to tell people of it.

    Nobody else on this machine, and no page in a browser, may stop jobs and workers.
    """
    chosen = settings.flower_basic_auth.get_secret_value()
    password = token_urlsafe(12)
    os.environ["FLOWER_BASIC_AUTH"] = chosen or f"flower:{password}"
    login = "FLOWER_BASIC_AUTH" if chosen else f"user flower, password {password}"
    return f"Flower: http://localhost:{settings.flower_port}  ({login})\n"


def _supervise(
    programs: dict[str, list[str]], settings: Settings, control: Path, lock: int, *, flower: str
) -> int:
    password = token_urlsafe(16)
    configuration = control / "supervisord.conf"
    configuration.write_text(_configuration(programs, control, password))
    supervisor = subprocess.Popen(  # noqa: S603  # Our own interpreter and file.
        [sys.executable, "-m", "supervisor.supervisord", "-c", str(configuration)],
        stdout=subprocess.PIPE,
        start_new_session=True,  # A closed terminal or Ctrl-C is ours to pass on.
        pass_fds=(lock,),  # Held for as long as anything of ours lives.
    )

    def stop(_signal: int, _frame: FrameType | None) -> None:
        supervisor.terminate()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGHUP, stop)
    watch = _ReadinessWatch(
        supervisor, settings, control / "supervisor.sock", password, flower=flower
    )
    watch.start()
    assert supervisor.stdout is not None
    for line in supervisor.stdout:
        sys.stdout.buffer.write(line)
        sys.stdout.flush()
    status = supervisor.wait()
    watch.join()
    return 1 if watch.failed else status


def _configuration(programs: dict[str, list[str]], control: Path, password: str) -> str:
    user = pwd.getpwuid(os.getuid()).pw_name
    sections = [_SUPERVISOR.format(control=control, user=user, password=password)]
    for priority, (name, command) in enumerate(programs.items(), start=1):
        quoted = " ".join(f'"{part}"' for part in command).replace("%", "%%")
        sections.append(
            _PROGRAM.format(
                name=name,
                command=quoted,
                root=str(home()).replace("%", "%%"),
                priority=priority,
            )
        )
    return "".join(sections)


class _ReadinessWatch(Thread):
    """Prints the address once a picture can be made; stops everything where none ever will."""

    def __init__(
        self,
        supervisor: subprocess.Popen[bytes],
        settings: Settings,
        control: Path,
        password: str,
        *,
        flower: str,
    ) -> None:
        super().__init__(daemon=True)
        self.failed = False
        self._supervisor = supervisor
        self._settings = settings
        self._control = f"unix://{control}"
        self._password = password
        self._flower = flower

    def run(self) -> None:
        while self._supervisor.poll() is None:
            if _answers_ready(self._settings):
                print(_ready_line(self._settings) + self._flower, flush=True)
                return
            if given_up := self._given_up():
                self.failed = True
                print(f"{given_up} cannot start; the lines above say why.", file=sys.stderr)
                self._supervisor.terminate()
                return
            time.sleep(_POLL_SECONDS)

    def _given_up(self) -> str | None:
        transport = SupervisorTransport("serve", self._password, self._control)
        try:
            processes = ServerProxy(
                "http://127.0.0.1", transport=transport
            ).supervisor.getAllProcessInfo()
        except (OSError, Error, HTTPException):
            return None  # Supervisor is not up yet.
        assert isinstance(processes, list)
        names = [process["name"] for process in processes if process["statename"] in _GIVEN_UP]
        return ", ".join(names) or None


def _ready_line(settings: Settings) -> str:
    host = "localhost" if settings.host == _EVERYWHERE else settings.host
    url = f"http://{host}:{settings.port}"
    return f"\nReady: {url}  (paint at {url}/studio, or read {url}/docs; Ctrl-C stops all)\n"


def _answers_ready(settings: Settings) -> bool:
    host = "127.0.0.1" if settings.host == _EVERYWHERE else settings.host
    connection = HTTPConnection(host, settings.port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _check_port(settings: Settings) -> None:
    with socket() as probe:
        probe.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            _give_up(
                f"Cannot listen on HOST={settings.host} PORT={settings.port}: "
                f"{error.strerror}; set PORT to a free one."
            )


def _lock(folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        _give_up(f"It runs already on {folder}; stop it first, or set DATA_DIR to another folder.")
    return lock


def _give_up(reason: str) -> NoReturn:
    sys.exit(reason)


if __name__ == "__main__":
    main()

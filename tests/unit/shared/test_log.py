import json
import logging
import warnings
from collections.abc import Callable, Iterator

import pytest
import structlog
from structlog.contextvars import bound_contextvars

from shared.log import LogFormat, bound_request_id, configure_logging, get_logger, prompt_head

Line = dict[str, object]
Say = Callable[[], object]


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root, ours = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.configure(**ours)
    logging.captureWarnings(capture=False)


@pytest.fixture
def written(capsys: pytest.CaptureFixture[str]) -> Callable[[LogFormat, Say], str]:
    """What a process in a form writes when something is said."""

    def write(form: LogFormat, say: Say) -> str:
        configure_logging("info", form)
        say()
        return capsys.readouterr().err

    return write


Written = Callable[[LogFormat, Say], str]


def break_with(secret: str) -> None:
    raise ValueError("it broke")


def complain() -> None:
    try:
        break_with("hunter" + "2")  # In the code the word may be shown.
    except ValueError:
        get_logger("ours").exception("bad", job_id="a")


class TestJson:
    def test_is_a_line_for_each_event(self, written: Written) -> None:
        def say() -> None:
            get_logger("ours").info("job started", prompt="ネコ\nと犬")
            logging.getLogger("theirs").warning("careful with %s", "this")

        ours, theirs = map(json.loads, written("json", say).splitlines())
        assert (ours["event"], ours["level"], ours["logger"], ours["prompt"]) == (
            "job started",
            "info",
            "ours",
            "ネコ\nと犬",
        )
        assert (theirs["event"], theirs["level"], theirs["logger"]) == (
            "careful with this",
            "warning",
            "theirs",
        )
        assert ours["timestamp"].endswith("Z")

    @pytest.mark.parametrize(
        "say", [lambda: get_logger("a").info("x"), lambda: logging.getLogger("b").info("x")]
    )
    def test_has_the_ids_that_are_bound(self, written: Written, say: Say) -> None:
        with bound_contextvars(job_id="a", request_id="r"):
            line = json.loads(written("json", say))
        assert (line["job_id"], line["request_id"]) == ("a", "r")

    def test_has_exceptions_as_data_without_the_values_of_variables(self, written: Written) -> None:
        text = written("json", complain)
        (error,) = json.loads(text)["exception"]
        assert (error["exc_type"], error["exc_value"]) == ("ValueError", "it broke")
        assert error["frames"][-1]["name"] == "break_with"
        assert "hunter2" not in text

    def test_has_warnings_of_python(self, written: Written) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            line = json.loads(
                written("json", lambda: warnings.warn("old", DeprecationWarning, stacklevel=1))
            )
        assert (line["logger"], line["level"]) == ("py.warnings", "warning")

    def test_is_the_form_where_nobody_looks(self, written: Written) -> None:
        assert json.loads(written("auto", lambda: get_logger("a").info("x")))["event"] == "x"


class TestConsole:
    def test_is_for_people(self, written: Written) -> None:
        text = written("console", lambda: get_logger("ours").info("job started", job_id="a"))
        assert "[info     ] job started" in text
        assert text.endswith("[ours] job_id=a\n")

    def test_shows_a_traceback_without_the_values_of_variables(self, written: Written) -> None:
        text = written("console", complain)
        assert "ValueError: it broke" in text
        assert "hunter2" not in text

    def test_shows_a_line_break_in_a_value_as_such(self, written: Written) -> None:
        text = written("console", lambda: get_logger("a").info("x", path="/a\nforged line"))
        assert text.count("\n") == 1


class TestLevel:
    @pytest.mark.parametrize("name", ["celery.worker.strategy", "httpx", "multiprocessing"])
    def test_of_what_is_noisy_is_higher(self, written: Written, name: str) -> None:
        assert written("json", lambda: logging.getLogger(name).info("x")) == ""


class TestBoundRequestId:
    def test_is_that_of_the_request(self) -> None:
        with bound_contextvars(request_id="r"):
            assert bound_request_id() == "r"

    def test_is_none_outside_of_one(self) -> None:
        assert bound_request_id() is None


class TestPromptHead:
    @pytest.mark.parametrize(
        ("prompt", "head"),
        [("a cat", "a cat"), ("x" * 40, "x" * 40), ("x" * 41, "x" * 39 + "…")],
    )
    def test_shows_no_more_than_forty_characters(self, prompt: str, head: str) -> None:
        assert prompt_head(prompt) == head

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import httpx
import pytest
from redis import Redis

from shared.event_log import EventLog
from shared.job_events import EventType, JobEvent
from shared.job_parts import JobState
from shared.job_store import JobStore
from shared.keys import CHANGES_CHANNEL
from tests.contract.conftest import StartApi
from tests.contract.event_stream import Sent, events_of
from tests.contract.serving import working
from tests.support.builders import STEPS, TOKEN, bring_to, make_result, store_job
from tests.support.pipelines import (
    PATIENCE_SECONDS,
    PaintsOnCommand,
    PaintsUntilInterrupted,
    runs_out_of_memory,
)
from tests.support.runners import make_runner
from tests.unit.eventually import eventually

REQUEST: dict[str, object] = {
    "prompt": "a red apple",
    "num_inference_steps": STEPS,
    "width": 256,
    "height": 256,
    "seed": 42,
}
FINAL = [state for state in JobState if state.is_final]


def submit(client: httpx.Client) -> str:
    job_id: str = client.post("/jobs", json=REQUEST).json()["id"]
    return job_id


def all_events(
    client: httpx.Client, job_id: str = "a", *, last_event_id: int = 0, query: str = ""
) -> list[Sent]:
    with events_of(client, job_id, last_event_id=last_event_id, query=query) as events:
        return list(events)


def first(events: Iterator[Sent], event: str) -> Sent:
    """Read on to an event of this name."""
    return next(each for each in events if each.event == event)


def live(store: JobStore) -> None:
    """Lead a job through six events: queued, started, two steps, a cancel and its end."""
    bring_to(store, JobState.RUNNING, "a")
    store.hold("a", lambda job, _: job.advance(TOKEN, 1))
    store.hold("a", lambda job, _: job.advance(TOKEN, 2))
    store.update("a", lambda job, now: job.cancel(now))
    store.update("a", lambda job, now: job.acknowledge_cancel(TOKEN, now))


@pytest.fixture
def painted_on_command(redis: Redis) -> Iterator[PaintsOnCommand]:
    """What paints the jobs that come, step by step."""
    pipeline = PaintsOnCommand()
    with working(redis, pipeline):
        yield pipeline


class TestAnswer:
    def test_is_an_event_stream_that_nobody_keeps(
        self, client: httpx.Client, store: JobStore
    ) -> None:
        bring_to(store, JobState.SUCCEEDED, "a")
        with client.stream("GET", "/jobs/a/events") as response:
            response.read()
        assert response.status_code == 200
        assert response.headers["content-type"].partition(";")[0] == "text/event-stream"
        assert response.headers["cache-control"] == "no-cache"
        assert response.headers["x-accel-buffering"] == "no"

    def test_has_a_name_a_line_of_json_and_a_number_for_each_event(
        self, client: httpx.Client, store: JobStore
    ) -> None:
        live(store)
        text = client.get("/jobs/a/events", headers={"Last-Event-ID": "2"}).text
        step = '{"step": 1, "total": 5, "fraction": 0.1667, "eta_seconds": null}'
        assert text.startswith(f"event: step\ndata: {step}\nid: 3\n\nevent: step\n")
        assert text.endswith("\nid: 6\n\n")

    def test_begins_before_there_is_more_to_tell(
        self, client: httpx.Client, store: JobStore
    ) -> None:
        store_job(store, "a")
        with events_of(client, "a") as events:
            sent = next(events)
        assert (sent.event, sent.id, sent.data["position"]) == ("queued", "1", 0)


class TestEvents:
    def test_tell_of_a_picture_from_the_queue_to_its_end(
        self, client: httpx.Client, painted_on_command: PaintsOnCommand
    ) -> None:
        job_id = submit(client)
        with events_of(client, job_id) as stream:
            events = [first(stream, "started")]
            for _ in range(STEPS):
                painted_on_command.go_on()
                events.append(first(stream, "step"))
            painted_on_command.go_on()
            events += stream
        assert [(sent.event, sent.id) for sent in events] == [
            ("started", "2"),
            *(("step", str(step + 2)) for step in range(1, STEPS + 1)),
            ("succeeded", str(STEPS + 3)),
        ]
        fractions = [sent.data["fraction"] for sent in events if sent.event == "step"]
        assert fractions == sorted(set(fractions))
        assert fractions[-1] < 1.0
        assert events[-1].data["progress"] == {"step": STEPS, "total": STEPS, "fraction": 1.0}

    @pytest.mark.parametrize("state", FINAL)
    def test_end_with_the_whole_job(
        self, client: httpx.Client, store: JobStore, state: JobState
    ) -> None:
        bring_to(store, state, "a")
        last = all_events(client)[-1]
        assert (last.event, last.data) == (state, client.get("/jobs/a").json())

    def test_end_with_why_there_is_no_picture(self, client: httpx.Client, redis: Redis) -> None:
        with working(redis, runs_out_of_memory()):
            last = all_events(client, submit(client))[-1]
        detail = "The GPU's memory does not suffice."
        assert last.event == "failed"
        assert last.data["error"] == {"type": "gpu_out_of_memory", "detail": detail}

    def test_tell_of_a_cancel_and_then_of_its_end(self, client: httpx.Client, redis: Redis) -> None:
        pipeline = PaintsUntilInterrupted()
        job_id = submit(client)
        with (
            ThreadPoolExecutor(1) as thread,
            events_of(client, job_id) as stream,
        ):
            run = thread.submit(make_runner(redis, pipeline).run, job_id)
            step = first(stream, "step")
            client.delete(f"/jobs/{job_id}")
            rest = list(stream)
            run.result(PATIENCE_SECONDS)
        assert step.data["step"] == 1
        assert [sent.event for sent in rest] == ["canceling", "canceled"]
        assert rest[0].data == {"step": 1, "total": STEPS}
        assert rest[1].data["cancellation"]["step"] == 1

    def test_tell_at_once_of_the_cancel_of_a_job_that_waits(self, client: httpx.Client) -> None:
        job_id = submit(client)
        with events_of(client, job_id) as stream:
            next(stream)
            client.delete(f"/jobs/{job_id}")
            assert [sent.event for sent in stream] == ["canceled"]

    def test_tell_of_a_job_that_moves_up_in_the_queue(self, client: httpx.Client) -> None:
        before, job_id = submit(client), submit(client)
        with events_of(client, job_id) as stream:
            assert next(stream).data["position"] == 1
            client.delete(f"/jobs/{before}")
            moved = next(sent for sent in stream if sent.data["position"] == 0)
        assert (moved.event, moved.id) == ("queued", None)


class TestLastEventId:
    @pytest.mark.parametrize("last", range(7))
    def test_has_the_next_ones_come(self, client: httpx.Client, store: JobStore, last: int) -> None:
        live(store)
        events = all_events(client, last_event_id=last)
        assert [sent.id for sent in events] == [str(number) for number in range(last + 1, 7)]

    def test_goes_on_with_a_job_that_lives(self, client: httpx.Client, store: JobStore) -> None:
        bring_to(store, JobState.RUNNING, "a", total=1)
        with events_of(client, "a") as stream:
            seen = [next(stream), next(stream)]
        store.hold("a", lambda job, _: job.advance(TOKEN, 1))
        with events_of(client, "a", last_event_id=2) as stream:
            seen.append(next(stream))
            store.update("a", lambda job, now: job.succeed(TOKEN, make_result(), now))
            seen += stream
        assert [(sent.id, sent.event) for sent in seen] == [
            ("1", "queued"),
            ("2", "started"),
            ("3", "step"),
            ("4", "succeeded"),
        ]

    def test_says_what_is_not_kept_any_more(self, client: httpx.Client, redis: Redis) -> None:
        live(JobStore(redis, result_ttl=3600, lease_seconds=15, events_kept=2))
        gap, *kept = all_events(client, last_event_id=1)
        assert gap == Sent("gap", {"missed_from": 2, "missed_to": 4})
        assert [sent.id for sent in kept] == ["5", "6"]

    @pytest.mark.parametrize("last", ["x", "-1", "1.5", ""])
    def test_that_is_no_number_is_refused(
        self, client: httpx.Client, store: JobStore, last: str
    ) -> None:
        store_job(store, "a")
        response = client.get("/jobs/a/events", headers={"Last-Event-ID": last})
        body = response.json()
        (error,) = body["meta"]["errors"]
        assert response.status_code == 422
        assert (body["error"], body["code"]) == ("ValidationError", 422)
        assert error["loc"] == ["header", "Last-Event-ID"]

    def test_may_be_larger_than_any_that_was_told(
        self, client: httpx.Client, store: JobStore
    ) -> None:
        live(store)
        assert all_events(client, last_event_id=10**30) == []


class TestPreviews:
    @pytest.mark.parametrize(("query", "told"), [("?preview=1", 1), ("?preview=0", 0), ("", 0)])
    def test_are_sent_to_those_who_ask(
        self, client: httpx.Client, store: JobStore, redis: Redis, *, query: str, told: int
    ) -> None:
        data = {"step": 1, "total": 5, "image": "data:image/jpeg;base64,", "width": 32}
        bring_to(store, JobState.RUNNING, "a", total=0)
        EventLog(redis).show("a", TOKEN, JobEvent(type=EventType.PREVIEW, data=dict(data)))
        store.update("a", lambda job, now: job.succeed(TOKEN, make_result(), now))
        events = all_events(client, query=query)
        previews = [sent for sent in events if sent.event == "preview"]
        assert previews == [Sent("preview", data, "3")] * told
        assert [sent.id for sent in events if sent.event != "preview"] == ["1", "2", "4"]

    def test_are_painted_for_those_who_ask(
        self, client: httpx.Client, painted_on_command: PaintsOnCommand
    ) -> None:
        job_id = submit(client)
        with events_of(client, job_id, query="?preview=true") as stream:
            first(stream, "started")
            previews = []
            for _ in range(STEPS):
                painted_on_command.go_on()
                for sent in stream:
                    if sent.event != "preview":  # The last step may be left out for the end.
                        break
                    previews.append(sent)
            painted_on_command.go_on()
            previews += [sent for sent in stream if sent.event == "preview"]
        assert previews
        assert {(sent.event, sent.data["width"], sent.data["height"]) for sent in previews} == {
            ("preview", 32, 32)
        }
        assert all(1 <= sent.data["step"] < STEPS for sent in previews)


class TestKey:
    def test_is_needed_to_follow_a_job_and_suffices(self, start_api: StartApi) -> None:
        guarded = start_api(api_key="first-key")
        key = {"Authorization": "Bearer first-key"}
        job = guarded.post("/jobs", json=REQUEST, headers=key).json()
        guarded.delete(job["urls"]["cancel"], headers=key)
        response = guarded.get(job["urls"]["events"])
        assert (response.status_code, response.json()["error"]) == (401, "Unauthorized")
        guarded.headers.update(key)
        assert all_events(guarded, job["id"])[-1].event == "canceled"


class TestClientThatLeaves:
    def test_has_nothing_read_for_it_any_more(
        self, client: httpx.Client, store: JobStore, redis: Redis
    ) -> None:
        for job_id in ("a", "b"):
            bring_to(store, JobState.RUNNING, job_id)
        with events_of(client, "b", query="?preview=1") as other:
            steps = count()

            def reads_of_a_change() -> int:
                before = reads(redis)
                redis.publish(CHANGES_CHANNEL, "a running")
                preview = JobEvent(type=EventType.PREVIEW, data={"step": next(steps)})
                EventLog(redis).show("b", TOKEN, preview)
                first(other, "preview")  # Read once for those who follow "b", after the change.
                return reads(redis) - before

            with events_of(client, "a") as stream:
                first(stream, "started")
                eventually(reads_of_a_change, until=lambda times: times == 2)
            eventually(reads_of_a_change, until=lambda times: times == 1)


def reads(redis: Redis) -> int:
    """Give how often the events of any job have been read since the server started."""
    calls = redis.info("commandstats").get("cmdstat_xrange", {}).get("calls", 0)
    return int(calls)

"""Batches as their users get them: a real worker that may paint four pictures at once."""

from collections.abc import Iterator

import httpx
import pytest

from tests.support.poisoned_worker import POISON, SLOW
from tests.support.scrape import Scrape
from tests.support.stack import Stack, eventually

SMALL: dict[str, object] = {"num_inference_steps": 5, "height": 256, "width": 256}
FINAL = {"succeeded", "failed", "canceled"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("batches")
    settings = {"MAX_BATCH_SIZE": "4", "DEVICE": "cpu", "OMP_NUM_THREADS": "1"}
    with Stack(folder, settings, worker="tests.support.poisoned_worker") as stack:
        stack.start("redis", "worker", "api")
        stack.wait_until_ready()
        yield stack


def submit(client: httpx.Client, prompt: str, **fields: object) -> str:
    answer = client.post("/jobs", json={**SMALL, "prompt": prompt, "seed": 7, **fields})
    assert answer.status_code == 202, answer.text
    return answer.headers["location"]


def submit_in_line(client: httpx.Client, *prompts: str) -> list[str]:
    """Submit jobs that all wait when the first of them is claimed."""
    first = submit(client, SLOW, width=264)  # Of another shape, so that it is painted alone.
    urls = [submit(client, prompt) for prompt in prompts]
    assert client.get(first).json()["state"] in {"queued", "running"}
    return urls


def ended(client: httpx.Client, urls: list[str]) -> list[dict[str, object]]:
    def end_of(url: str) -> dict[str, object]:
        return eventually(lambda: client.get(url).json(), until=lambda job: job["state"] in FINAL)

    return [end_of(url) for url in urls]


def batch_sizes(client: httpx.Client, urls: list[str]) -> list[object]:
    pictures = [client.get(f"{url}/image").raise_for_status() for url in urls]
    return [picture.headers.get("x-batch-size") for picture in pictures]


def test_those_in_line_are_painted_at_once_and_the_answer_says_so(client: httpx.Client) -> None:
    prompts = ("a red circle", "a green star", "a blue house", "a cat", "a boat")
    urls = submit_in_line(client, *prompts)
    jobs = ended(client, urls)
    assert [job["state"] for job in jobs] == ["succeeded"] * 5
    assert batch_sizes(client, urls) == ["4", "4", "4", "4", None]
    pictures = {client.get(f"{url}/image").content for url in urls}
    assert len(pictures) == 5


def test_a_cancel_ends_one_and_spares_the_others(client: httpx.Client) -> None:
    urls = submit_in_line(client, "a red circle", SLOW, "a green star")
    eventually(lambda: client.get(urls[0]).json(), until=lambda job: job["state"] == "running")
    client.delete(urls[0])
    states = [job["state"] for job in ended(client, urls)]
    assert states == ["canceled", "succeeded", "succeeded"]
    assert batch_sizes(client, urls[1:]) == ["3", "3"]


def test_one_that_kills_its_worker_takes_no_other_with_it(client: httpx.Client) -> None:
    urls = submit_in_line(client, "a red circle", POISON, "a green star")
    first, poisoned, last = ended(client, urls)
    assert (
        (first["state"], first["attempt"]) == (last["state"], last["attempt"]) == ("succeeded", 2)
    )
    assert (poisoned["state"], poisoned["attempt"]) == ("failed", 3)
    assert batch_sizes(client, [urls[0], urls[2]]) == [None, None]


def test_all_of_a_batch_come_back_whose_process_dies(client: httpx.Client, stack: Stack) -> None:
    urls = submit_in_line(client, SLOW, "a red circle", "a green star")
    eventually(lambda: client.get(urls[2]).json(), until=lambda job: job["state"] == "running")
    stack.worker_child().kill()
    jobs = ended(client, urls)
    assert [(job["state"], job["attempt"]) for job in jobs] == [("succeeded", 2)] * 3


def test_a_picture_is_verified_alone(client: httpx.Client) -> None:
    picture = client.post("/generate", json={**SMALL, "prompt": "a red circle", "seed": 7})
    submit_in_line(client, "a green star", "a blue house")
    answer = client.post("/verify", content=picture.content).raise_for_status().json()
    assert answer["equal"], answer


def test_the_metrics_tell_of_batches(client: httpx.Client, stack: Stack) -> None:
    def pictures_of_batches() -> float:
        scrape = Scrape.from_urls(f"http://127.0.0.1:{stack.metrics_port}/metrics")
        name = "semantic_bit_batch_size"
        return scrape.sum(f"{name}_count") - scrape.sum(f"{name}_bucket", le="1.0")

    before = pictures_of_batches()
    ended(client, submit_in_line(client, "a red circle", "a green star"))
    eventually(pictures_of_batches, until=lambda now: now == before + 2)


def test_a_picture_of_a_batch_is_verified_and_says_why_it_is_not_the_same(
    client: httpx.Client,
) -> None:
    urls = submit_in_line(client, "a red circle", "a green star")
    ended(client, urls)
    picture = client.get(f"{urls[0]}/image")
    assert picture.headers["x-batch-size"] == "2"
    answer = client.post("/verify", content=picture.content).raise_for_status().json()
    assert answer["build"] == {"batch_size": {"recorded": 2, "now": 1}}
    assert answer["largest_difference"] <= 1

"""One request, one file: whichever worker paints it, alone or as one of many."""

import base64
from collections.abc import Iterator
from functools import partial
from hashlib import sha256

import httpx
import pytest
from openai import OpenAI

from tests.integration.conftest import lora_dir
from tests.integration.test_pictures import QUICK, paint
from tests.support.stack import PATIENCE_SECONDS, Stack, eventually

FIELDS: dict[str, dict[str, object]] = {
    "plain": {},
    "noisy": {"scheduler": "euler_ancestral"},
    "a LoRA": {"loras": [{"name": "stripes", "weight": 0.7}]},
}
AT_ONCE = 4
PICTURES = 3
"""Of one call."""

ROUNDS = 20
"""Of so many requests at once, until both workers have had one."""


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack whose workers have a thread each, so that none waits for the other's."""
    folder = tmp_path_factory.mktemp("stack")
    settings = {"LORA_DIR": str(lora_dir(folder)), "OMP_NUM_THREADS": "1"}
    with Stack(folder, settings) as stack:
        own = ("WORKER_NAME=second", "WORKER_METRICS_PORT=0")
        stack.commands["second"] = ("env", *own, *stack.commands["worker"])
        stack.start("redis", "worker", "second", "api")
        stack.wait_until_ready()
        yield stack


@pytest.fixture
def client(two_workers: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=two_workers.url, timeout=PATIENCE_SECONDS) as client:
        eventually(
            lambda: client.get("/models").json()[0]["workers"], until=lambda seen: len(seen) == 2
        )
        yield client


def state_of(client: httpx.Client, job_id: str) -> str:
    return str(client.get(f"/jobs/{job_id}", params={"wait": 20}).json()["state"])


def painted_at_once(
    client: httpx.Client, stack: Stack, **fields: object
) -> Iterator[tuple[str, bytes]]:
    """Give the workers' names and the files of the same request, sent several times at once."""
    sent = [client.post("/jobs", json={**QUICK, **fields}).json()["id"] for _ in range(AT_ONCE)]
    for job_id in sent:
        eventually(partial(state_of, client, job_id), until=lambda state: state == "succeeded")
        png = client.get(f"/jobs/{job_id}/image").content
        job = stack.store.get(job_id)
        assert job.result is not None
        assert job.result.image_sha256 == sha256(png).hexdigest()
        (attempt,) = job.attempts
        yield attempt.worker.partition("@")[0], png


@pytest.mark.parametrize("kind", list(FIELDS))
def test_both_workers_write_the_same_file(
    client: httpx.Client, two_workers: Stack, kind: str
) -> None:
    files: dict[str, set[bytes]] = {}
    for _ in range(ROUNDS):
        for worker, png in painted_at_once(client, two_workers, **FIELDS[kind]):
            files.setdefault(worker, set()).add(png)
        if len(files) > 1:
            break
    assert set(files) == {"worker", "second"}
    assert len(set.union(*files.values())) == 1


def test_pictures_of_one_call_are_those_of_calls_of_their_own(
    client: httpx.Client, two_workers: Stack
) -> None:
    alone = [paint(client, seed=7 + number).content for number in range(PICTURES)]

    with OpenAI(
        base_url=f"{two_workers.url}/v1", api_key="unused", timeout=PATIENCE_SECONDS
    ) as openai_client:
        answer = openai_client.images.generate(
            prompt=str(QUICK["prompt"]),
            n=PICTURES,
            size="256x256",
            extra_body={"seed": 7, "num_inference_steps": 5},
        )
    assert [base64.b64decode(image.b64_json or "") for image in answer.data or ()] == alone

    batch = {"prompt": QUICK["prompt"], "steps": 5, "width": 256, "height": 256, "seed": 7}
    sent = {**batch, "batch_size": PICTURES}
    images = client.post("/sdapi/v1/txt2img", json=sent).json()["images"]
    assert [base64.b64decode(image) for image in images] == alone

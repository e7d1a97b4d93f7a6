"""OpenAI's own client against this service, with nothing changed but its URL and key."""

import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any, Literal

import httpx
import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.image_gen_completed_event import ImageGenCompletedEvent
from openai.types.image_gen_partial_image_event import ImageGenPartialImageEvent
from redis import Redis

from shared.job_store import JobStore
from shared.worker_registry import Heartbeat, WorkerState
from tests.contract.conftest import StartApi
from tests.contract.openai_client import (
    ConnectTo,
    extra,
    generate,
    images,
    job_ids,
    opened,
    opened_text,
)
from tests.contract.serving import LOADING, announce, working
from tests.support.builders import BUILD, WORKER
from tests.support.pipelines import PaintsUntilInterrupted, WaitsToBeSeen, runs_out_of_memory
from tests.unit.eventually import eventually


@pytest.fixture
def painter(openai_client: OpenAI, redis: Redis) -> Iterator[OpenAI]:
    """A client of a service that paints."""
    with working(redis):
        yield openai_client


class TestGenerate:
    def test_answers_with_the_picture(self, painter: OpenAI) -> None:
        (image,) = images(generate(painter))
        picture = opened(image)
        assert (picture.format, picture.size) == ("PNG", (320, 256))
        assert picture.getcolors() == [(320 * 256, (255, 0, 0))]

    def test_needs_nothing_but_a_prompt(self, painter: OpenAI) -> None:
        (image,) = images(painter.images.generate(prompt="a red apple"))
        assert opened(image).size == (512, 512)

    def test_says_what_it_is(self, painter: OpenAI) -> None:
        response = generate(painter)
        assert (response.size, response.output_format, response.background) == (
            "320x256",
            "png",
            "opaque",
        )
        assert response.created > 0
        assert response.usage is not None
        assert response.usage.total_tokens == response.usage.input_tokens

    def test_paints_as_many_as_are_asked_each_with_the_next_seed(
        self, painter: OpenAI, client: httpx.Client
    ) -> None:
        pictures = images(generate(painter, n=3))
        assert [extra(picture, "seed") for picture in pictures] == [42, 43, 44]
        jobs = [client.get(f"/jobs/{extra(picture, 'job_id')}").json() for picture in pictures]
        assert [job["request"]["seed"] for job in jobs] == [42, 43, 44]

    def test_draws_a_seed_for_each_where_none_is_given(self, painter: OpenAI) -> None:
        pictures = images(painter.images.generate(prompt="a red apple", n=3, size="256x256"))
        assert len({extra(picture, "seed") for picture in pictures}) == 3

    def test_takes_what_is_ours_from_the_extra_body(
        self, painter: OpenAI, client: httpx.Client
    ) -> None:
        ours = {
            "seed": 7,
            "num_inference_steps": 6,
            "guidance_scale": 3,
            "negative_prompt": "blue",
            "scheduler": "euler_ancestral",
        }
        (image,) = images(painter.images.generate(prompt="a", size="256x264", extra_body=ours))
        job = client.get(f"/jobs/{extra(image, 'job_id')}").json()
        asked = {"prompt": "a", "width": 256, "height": 264, **ours}
        unused = dict.fromkeys(("init_image", "strength", "mask"))
        others = {"embed_metadata": True, "loras": [], "model": "demo"}
        assert job["request"] == {**asked, **others, **unused}

    def test_takes_the_installations_defaults(
        self, start_api: StartApi, connect_to: ConnectTo, redis: Redis
    ) -> None:
        api = start_api(default_width=264, default_height=272, default_steps=9)
        with working(redis):
            (image,) = images(connect_to(api).images.generate(prompt="a", size="auto"))
        assert opened(image).size == (264, 272)
        job = api.get(f"/jobs/{extra(image, 'job_id')}").json()
        assert job["request"]["num_inference_steps"] == 9

    @pytest.mark.parametrize("name", ["jpeg", "webp"])
    def test_answers_in_the_format_that_is_asked(self, painter: OpenAI, name: str) -> None:
        response = generate(painter, output_format=name, output_compression=50)
        picture = opened(images(response)[0])
        assert (picture.format, picture.size) == (name.upper(), (320, 256))
        assert response.output_format == name

    def test_answers_with_urls_where_they_are_asked(
        self, painter: OpenAI, client: httpx.Client
    ) -> None:
        (image,) = images(generate(painter, response_format="url"))
        assert image.b64_json is None
        assert image.url == str(client.base_url.join(f"/jobs/{extra(image, 'job_id')}/image"))
        assert client.get(image.url).headers["content-type"] == "image/png"

    def test_accepts_null_as_the_default(self, painter: OpenAI) -> None:
        response = generate(painter, n=None, model=None, stream=None, style=None, user="")
        assert len(images(response)) == 1

    def test_writes_who_asks_into_the_log_hashed(
        self, painter: OpenAI, caplog: pytest.LogCaptureFixture
    ) -> None:
        logging.getLogger().addHandler(caplog.handler)
        try:
            generate(painter, user="somebody@example.org")
        finally:
            logging.getLogger().removeHandler(caplog.handler)
        (line,) = [line for line in caplog.messages if "job queued" in line]
        assert "end_user" in line
        assert "somebody" not in line

    @pytest.mark.anyio
    async def test_works_with_the_asynchronous_client(
        self, client: httpx.Client, redis: Redis
    ) -> None:
        url = str(client.base_url.join("/v1"))
        with working(redis):
            async with AsyncOpenAI(base_url=url, api_key="unused") as openai_client:
                response = await openai_client.images.generate(prompt="a", size="256x256")
        assert opened(images(response)[0]).size == (256, 256)


class TestRefusal:
    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("prompt", " "),
            ("prompt", "x" * 1001),
            ("n", 0),
            ("n", 11),
            ("n", True),
            ("size", "1024x1024"),
            ("size", "300x300"),
            ("size", "512"),
            ("size", "-512x512"),
            ("quality", "hd"),
            ("quality", "high"),
            ("background", "transparent"),
            ("moderation", "high"),
            ("response_format", "png"),
            ("output_format", "gif"),
            ("output_compression", 50),
            ("partial_images", 2),
            ("style", "vivid"),
            ("complexity", "low"),
            ("frame_count", 9),
            ("frame_duration_ms", 200),
            ("svg", {"model": "a"}),
        ],
    )
    def test_names_what_cannot_be_done(
        self, openai_client: OpenAI, redis: Redis, field: str, value: object
    ) -> None:
        fields: dict[str, Any] = {field: value}
        with pytest.raises(openai.BadRequestError) as refused:
            generate(openai_client, **fields)
        assert refused.value.param == field
        assert field in refused.value.message
        assert job_ids(redis) == []

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("seed", -1),
            ("seed", "42"),
            ("num_inference_steps", 61),
            ("guidance_scale", 13),
            ("negative_prompt", 1),
            ("scheduler", "plms"),
            ("mask", "x"),
        ],
    )
    def test_names_what_is_wrong_in_the_extra_body(
        self, openai_client: OpenAI, field: str, value: object
    ) -> None:
        with pytest.raises(openai.BadRequestError) as refused:
            generate(openai_client, ours={field: value})
        assert refused.value.param == field

    @pytest.mark.parametrize(
        ("fields", "named"),
        [
            ({"n": 2, "ours": {"seed": 2**32 - 1}}, "seed"),
            ({"response_format": "url", "output_format": "jpeg"}, "output_format"),
            ({"stream": True, "n": 2}, "n"),
            ({"stream": True, "response_format": "url"}, "response_format"),
        ],
    )
    def test_names_what_does_not_go_together(
        self, openai_client: OpenAI, fields: dict[str, Any], named: str
    ) -> None:
        with pytest.raises(openai.BadRequestError) as refused:
            generate(openai_client, **fields)
        assert refused.value.param == named

    def test_of_more_pictures_than_are_ever_admitted_does_not_ask_to_wait(
        self, start_api: StartApi, connect_to: ConnectTo
    ) -> None:
        client = connect_to(start_api(max_concurrent_requests=3))
        with pytest.raises(openai.BadRequestError) as refused:
            generate(client, n=4)
        assert refused.value.param == "n"


class TestStream:
    def test_ends_with_the_whole_picture(self, painter: OpenAI) -> None:
        (event,) = list(painter.images.generate(prompt="a", size="320x256", stream=True))
        assert isinstance(event, ImageGenCompletedEvent)
        picture = opened_text(event.b64_json)
        assert (picture.format, picture.size) == ("PNG", (320, 256))
        assert (event.size, event.output_format, event.quality) == ("320x256", "png", "auto")
        assert event.usage.output_tokens == 0

    @pytest.mark.parametrize("name", ["png", "jpeg", "webp"])
    def test_shows_partial_pictures_in_size_and_format_of_the_whole(
        self, openai_client: OpenAI, redis: Redis, name: Literal["png", "jpeg", "webp"]
    ) -> None:
        with working(redis, WaitsToBeSeen()):
            stream = openai_client.images.generate(
                prompt="a",
                size="320x256",
                output_format=name,
                stream=True,
                partial_images=2,
                extra_body={"num_inference_steps": 6},
            )
            *partials, completed = stream
        assert [event.type for event in partials] == ["image_generation.partial_image"] * 2
        for index, event in enumerate(partials):
            assert isinstance(event, ImageGenPartialImageEvent)
            assert event.partial_image_index == index
            picture = opened_text(event.b64_json)
            assert (picture.format, picture.size) == (name.upper(), (320, 256))
        assert completed.type == "image_generation.completed"

    def test_ends_with_the_error_of_a_painting_that_failed(
        self, openai_client: OpenAI, redis: Redis
    ) -> None:
        with working(redis, runs_out_of_memory()):
            stream = openai_client.images.generate(prompt="a", stream=True)
            with pytest.raises(openai.APIError) as failed:
                list(stream)
        assert failed.value.code == "generation_failed"
        assert failed.value.message == "The GPU's memory does not suffice."

    def test_refuses_before_it_begins(self, openai_client: OpenAI) -> None:
        with pytest.raises(openai.BadRequestError):
            openai_client.images.generate(prompt="", stream=True)

    def test_is_not_waited_for_by_a_client_that_leaves(
        self, openai_client: OpenAI, redis: Redis, store: JobStore
    ) -> None:
        pipeline = PaintsUntilInterrupted()
        with working(redis, pipeline):
            stream = openai_client.images.generate(prompt="a", stream=True)
            assert pipeline.painting.wait(20)
            stream.close()
            (job_id,) = job_ids(redis)
            eventually(lambda: store.get(job_id).state, until=lambda state: state.is_final)
        cancellation = store.get(job_id).cancellation
        assert cancellation is not None
        assert cancellation.reason == "client_disconnected"

    @pytest.mark.anyio
    async def test_works_with_the_asynchronous_client(
        self, client: httpx.Client, redis: Redis
    ) -> None:
        url = str(client.base_url.join("/v1"))
        with working(redis):
            async with AsyncOpenAI(base_url=url, api_key="unused") as openai_client:
                stream = await openai_client.images.generate(prompt="a", stream=True)
                assert isinstance(stream, AsyncIterator)
                types = [event.type async for event in stream]
        assert types == ["image_generation.completed"]


class TestModels:
    def test_are_those_of_the_live_workers(self, openai_client: OpenAI) -> None:
        assert [model.id for model in openai_client.models.list()] == ["demo"]
        assert openai_client.models.retrieve("demo").object == "model"

    def test_are_none_while_the_worker_loads(self, openai_client: OpenAI, redis: Redis) -> None:
        announce(redis, LOADING)
        assert list(openai_client.models.list()) == []
        with pytest.raises(openai.InternalServerError) as refused:
            generate(openai_client, model="demo")
        assert refused.value.code == "model_not_loaded"

    def test_have_the_names_by_which_people_know_them(
        self, openai_client: OpenAI, redis: Redis
    ) -> None:
        name = "stable-diffusion-v1-5/stable-diffusion-v1-5"
        build = BUILD.model_copy(update={"model": name})
        announce(redis, Heartbeat(worker=WORKER, state=WorkerState.READY, build=build))
        names = {model.id for model in openai_client.models.list()}
        assert names == {name, "stable-diffusion-1.5", "runwayml/stable-diffusion-v1-5"}
        assert openai_client.models.retrieve(name).id == name

    @pytest.mark.parametrize("name", ["demo", None])
    def test_can_be_named_or_not(self, painter: OpenAI, name: str | None) -> None:
        assert len(images(generate(painter, model=name))) == 1

    def test_that_are_not_there_are_not_found(self, openai_client: OpenAI) -> None:
        with pytest.raises(openai.NotFoundError) as refused:
            generate(openai_client, model="gpt-image-1")
        assert refused.value.code == "model_not_found"
        assert "'demo'" in refused.value.message
        with pytest.raises(openai.NotFoundError):
            openai_client.models.retrieve("gpt-image-1")

    def test_can_be_called_what_the_operator_allows(
        self, start_api: StartApi, connect_to: ConnectTo, redis: Redis
    ) -> None:
        client = connect_to(start_api(openai_model_aliases="gpt-image-1, dall-e-2"))
        names = {model.id for model in client.models.list()}
        assert names == {"demo", "gpt-image-1", "dall-e-2"}
        with working(redis):
            assert len(images(generate(client, model="gpt-image-1"))) == 1

    def test_are_those_of_all_workers(self, openai_client: OpenAI, redis: Redis) -> None:
        build = BUILD.model_copy(update={"model": "another"})
        announce(redis, Heartbeat(worker="other@there", state=WorkerState.READY, build=build))
        assert [model.id for model in openai_client.models.list()] == ["another", "demo"]

    def test_by_any_of_their_names_are_told_in_the_request(
        self, start_api: StartApi, connect_to: ConnectTo, redis: Redis
    ) -> None:
        api = start_api(openai_model_aliases="gpt-image-1")
        with working(redis):
            generate(connect_to(api), model="gpt-image-1")
        (job,) = api.get("/jobs").json()["jobs"]
        assert job["request"]["model"] == "demo"

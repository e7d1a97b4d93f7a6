import pytest
from redis import Redis

from shared.errors import InputRefused, LoraUnknown, ModelNotLoaded, ModelUnknown
from shared.generation import GenerationDefaults, GenerationRequest
from shared.input_store import InputStore
from shared.keys import input_key
from shared.lora_registry import LoraRegistry
from shared.loras import Lora, LoraUse
from shared.worker_registry import Heartbeat, ServedModel, WorkerRegistry, WorkerState
from tests.support.builders import make_request
from tests.support.input_pictures import encoded, half_and_half, mask_of_left
from tests.support.services import KEPT_SECONDS, make_completer

OWNER = "somebody"
DEMO, PHOTO = ServedModel(name="demo", warm=True), ServedModel(name="photo")
READY = Heartbeat(worker="a", state=WorkerState.READY, models=(DEMO, PHOTO))
LOADING = Heartbeat(worker="b", state=WorkerState.LOADING)
BARE = GenerationRequest(prompt="a cat")


class TestComplete:
    def test_fills_in_what_the_client_left_out(self, fake_redis: Redis) -> None:
        request = make_completer(fake_redis).complete(BARE, OWNER, [READY], seed=7)
        defaults = GenerationDefaults().model_dump()
        assert request == GenerationRequest(prompt="a cat", seed=7, model="demo", **defaults)

    def test_keeps_what_the_client_said(self, fake_redis: Redis) -> None:
        said = make_request(seed=0, model="photo")
        assert make_completer(fake_redis).complete(said, OWNER, [READY], seed=7) == said

    def test_draws_a_seed_that_is_valid_and_differs(self, fake_redis: Redis) -> None:
        completer = make_completer(fake_redis)
        seeds = [completer.complete(BARE, OWNER, [READY]).seed for _ in range(5)]
        assert all(seed is not None and 0 <= seed < 2**32 for seed in seeds)
        assert len(set(seeds)) == 5

    def test_refuses_where_no_worker_lives(self, fake_redis: Redis) -> None:
        with pytest.raises(ModelNotLoaded, match="no worker is running"):
            make_completer(fake_redis).complete(BARE, OWNER, [])

    def test_shows_the_complete_request_to_the_check_of_prompts(self, fake_redis: Redis) -> None:
        seen: list[object] = []
        completer = make_completer(
            fake_redis, check_prompts=lambda request, alive: seen.append((request, alive))
        )
        request = completer.complete(BARE, OWNER, [READY])
        assert seen == [(request, [READY])]


class TestModel:
    @pytest.mark.parametrize("wanted", [None, "photo"])
    def test_stays_as_asked_while_no_worker_knows_what_it_serves(
        self, fake_redis: Redis, wanted: str | None
    ) -> None:
        request = GenerationRequest(prompt="a cat", model=wanted)
        assert make_completer(fake_redis).complete(request, OWNER, [LOADING]).model == wanted

    def test_that_nobody_knows_is_refused(self, fake_redis: Redis) -> None:
        request = GenerationRequest(prompt="a cat", model="none")
        with pytest.raises(ModelUnknown, match="there is 'demo', 'photo', got 'none'"):
            make_completer(fake_redis).complete(request, OWNER, [READY])

    def test_of_the_settings_may_come_back(self, fake_redis: Redis) -> None:
        completer = make_completer(fake_redis, models=["away"])
        request = GenerationRequest(prompt="a cat", model="away")
        with pytest.raises(ModelNotLoaded, match="serves the model 'away' is running"):
            completer.complete(request, OWNER, [READY])


class TestLoras:
    REQUEST = GenerationRequest(prompt="a cat", loras=(LoraUse(name="stripes"),))

    def test_are_let_pass_where_a_worker_has_them(self, fake_redis: Redis) -> None:
        WorkerRegistry(fake_redis).announce(READY)
        LoraRegistry(fake_redis).publish(READY.worker, [Lora(name="stripes", size_bytes=1)])
        request = make_completer(fake_redis).complete(self.REQUEST, OWNER, [READY])
        assert request.loras == self.REQUEST.loras

    def test_are_refused_where_none_has(self, fake_redis: Redis) -> None:
        with pytest.raises(LoraUnknown, match="no LoRA 'stripes'"):
            make_completer(fake_redis).complete(self.REQUEST, OWNER, [READY])


class TestPictures:
    def test_give_their_size_to_a_request_without_one(self, fake_redis: Redis) -> None:
        reference = InputStore(fake_redis, kept_seconds=1).put(OWNER, encoded(half_and_half()))
        request = GenerationRequest(prompt="a cat", init_image=reference)
        complete = make_completer(fake_redis).complete(request, OWNER, [READY])
        assert (complete.width, complete.height) == half_and_half().size

    def test_of_somebody_else_are_not_there(self, fake_redis: Redis) -> None:
        reference = InputStore(fake_redis, kept_seconds=1).put("other", encoded(half_and_half()))
        request = GenerationRequest(prompt="a cat", init_image=reference)
        with pytest.raises(InputRefused):
            make_completer(fake_redis).complete(request, OWNER, [READY])

    def test_are_kept_until_the_job_has_ended(self, fake_redis: Redis) -> None:
        store = InputStore(fake_redis, kept_seconds=1)
        picture = store.put(OWNER, encoded(half_and_half()))
        mask = store.put(OWNER, encoded(mask_of_left()))
        request = GenerationRequest(prompt="a cat", init_image=picture, mask=mask)
        make_completer(fake_redis).keep_pictures(request, OWNER)
        left = [fake_redis.ttl(input_key(OWNER, reference)) for reference in (picture, mask)]
        assert min(left) > KEPT_SECONDS - 60

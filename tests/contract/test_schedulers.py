import httpx

from shared.generation import Scheduler
from tests.contract.conftest import StartApi


def listed(client: httpx.Client) -> dict[str, dict[str, object]]:
    return {one["name"]: one for one in client.get("/schedulers").raise_for_status().json()}


def test_each_scheduler_is_listed_with_what_it_is(client: httpx.Client) -> None:
    schedulers = listed(client)
    assert list(schedulers) == list(Scheduler)
    assert schedulers["heun"] == {
        "name": "heun",
        "label": "Heun",
        "a1111_name": "Heun",
        "description": "Runs the model twice in each step: half the steps in the same time.",
        "karras": False,
        "stochastic": False,
        "passes_per_step": 2,
        "default": False,
    }
    assert [name for name, one in schedulers.items() if one["default"]] == ["dpmsolver++"]
    assert [name for name, one in schedulers.items() if one["karras"]] == [
        "dpmsolver++",
        "dpmsolver++_sde",
    ]


def test_the_list_follows_the_settings(start_api: StartApi) -> None:
    schedulers = listed(start_api(scheduler_type="uni_pc", use_karras_sigmas=False))
    assert [name for name, one in schedulers.items() if one["default"]] == ["unipc"]
    assert not any(one["karras"] for one in schedulers.values())


def test_the_list_wants_a_key_where_there_are_keys(start_api: StartApi) -> None:
    assert start_api(api_key="secret").get("/schedulers").status_code == 401


def test_the_list_is_there_while_redis_is_away(start_api: StartApi) -> None:
    away = start_api(redis_url="redis://127.0.0.1:1/0")
    assert away.get("/schedulers").status_code == 200

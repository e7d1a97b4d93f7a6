"""A fleet for all tests here: four workers, three API processes, keys with limits."""

import hashlib
from collections.abc import Iterator

import pytest

from tests.support.fleet import ApiClient, Fleet

KEYS = {"alice": "", "bob": "", "limited": 'rate = "3/hour"\n'}


@pytest.fixture(scope="session")
def whole_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("fleet")
    keys = folder / "keys.toml"
    keys.write_text(
        "".join(
            f'[{name}]\nsha256 = "{hashlib.sha256(name.encode()).hexdigest()}"\n{limits}'
            for name, limits in KEYS.items()
        )
    )
    settings = {
        "API_KEYS_FILE": str(keys),
        "LEASE_SECONDS": "3",
        "OMP_NUM_THREADS": "1",
    }
    with Fleet(folder, settings) as fleet:
        fleet.start("redis", "worker-1", *fleet.api_names)
        yield fleet


@pytest.fixture
def fleet(whole_fleet: Fleet) -> Iterator[Fleet]:
    """The fleet with nothing held, all of whose workers and API processes live."""
    whole_fleet.hold.unlink(missing_ok=True)
    names = whole_fleet.api_names + whole_fleet.worker_names
    whole_fleet.start(*(name for name in names if not whole_fleet.lives(name)))
    whole_fleet.until_ready()
    yield whole_fleet
    whole_fleet.end_all()


@pytest.fixture
def alice(fleet: Fleet) -> tuple[ApiClient, ...]:
    """Alice's clients of all API processes."""
    return tuple(fleet.api(number, "alice") for number in range(1, fleet.apis + 1))

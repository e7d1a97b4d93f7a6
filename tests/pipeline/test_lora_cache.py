from pathlib import Path

import pytest

from tests.support.loras import write_kohya_lora
from worker.lora_folder import LoraFile, LoraFolder
from worker.lora_weights import LoraCache


@pytest.fixture
def files(tmp_path: Path) -> list[LoraFile]:
    for number in range(3):
        write_kohya_lora(tmp_path / f"{number}.safetensors", seed=number)
    return list(LoraFolder(tmp_path).scan().values())


def test_reads_a_file_once(files: list[LoraFile]) -> None:
    cache = LoraCache()
    assert cache.get(files[0]) is cache.get(files[0])


def test_keeps_what_was_used_last_within_its_bytes(files: list[LoraFile]) -> None:
    one, two, three = files
    size = LoraCache().get(one).size_bytes
    cache = LoraCache(2 * size)
    kept = cache.get(one)
    dropped = cache.get(two)
    assert cache.get(one) is kept
    cache.get(three)
    assert cache.size_bytes == 2 * size
    assert cache.get(one) is kept
    assert cache.get(two) is not dropped


def test_keeps_the_one_in_use_even_where_it_is_too_large(files: list[LoraFile]) -> None:
    cache = LoraCache(1)
    assert cache.get(files[0]) is cache.get(files[0])

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from redis import Redis

from shared.lora_registry import LoraRegistry
from shared.loras import Lora
from shared.worker_registry import Heartbeat, WorkerRegistry, WorkerState
from tests.support.loras import write_header, write_kohya_lora
from worker.lora_folder import LoraFolder
from worker.lora_hashes import Hashes
from worker.lora_keys import Part, Place, Root, placed
from worker.lora_scales import LoraScales
from worker.lora_watch import LoraWatch

QUERY = Place(Root.UNET, "down_blocks_2_attn1_to_q")
OUT = Place(Root.UNET, "down_blocks_2_attn1_to_out_0")
TEXT = Place(Root.TEXT_ENCODER, "encoder_layers_0_mlp_fc1")


def names_in(folder: Path) -> Sequence[str]:
    return list(LoraFolder(folder).scan())


class TestFolder:
    def test_lists_files_with_what_they_say_of_themselves(self, tmp_path: Path) -> None:
        file = write_kohya_lora(tmp_path / "my stripes.safetensors")
        (found,) = LoraFolder(tmp_path).scan().values()
        assert found.listed == Lora(
            name="my stripes",
            size_bytes=file.stat().st_size,
            title="Stripes",
            base_model="sd_v1",
            trigger_words=("cat", "stripes"),
        )

    def test_of_nothing_has_none(self, tmp_path: Path) -> None:
        assert names_in(tmp_path / "nowhere") == []
        assert LoraFolder(None).scan() == {}

    def test_finds_files_in_folders_within_the_first_of_a_name(self, tmp_path: Path) -> None:
        for folder in ("a", "b"):
            (tmp_path / folder).mkdir()
            write_kohya_lora(tmp_path / folder / "same.safetensors")
        (found,) = LoraFolder(tmp_path).scan().values()
        assert found.stamp.path.parent.name == "a"

    def test_sees_what_comes_goes_and_is_replaced(self, tmp_path: Path) -> None:
        folder = LoraFolder(tmp_path)
        assert folder.find("new") is None
        file = write_kohya_lora(tmp_path / "new.safetensors")
        before = folder.find("new")
        write_kohya_lora(file, metadata={"ss_output_name": "Another"})
        after = folder.find("new")
        assert before is not None
        assert after is not None
        assert (before.header.title, after.header.title) == ("Stripes", "Another")
        file.unlink()
        assert folder.find("new") is None

    @pytest.mark.parametrize("content", [b"", b"PK\3\4 a zip", b"\xff" * 100])
    def test_refuses_what_is_not_in_safetensors_form(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "broken.safetensors").write_bytes(content)
        assert names_in(tmp_path) == []

    def test_refuses_half_a_file(self, tmp_path: Path) -> None:
        file = write_kohya_lora(tmp_path / "half.safetensors")
        file.write_bytes(file.read_bytes()[:-100])
        assert names_in(tmp_path) == []

    def test_refuses_a_whole_model(self, tmp_path: Path) -> None:
        entry = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
        write_header(tmp_path / "model.safetensors", {"conv_in.weight": entry}, b"\0\0\0\0")
        assert names_in(tmp_path) == []

    def test_refuses_a_name_that_no_request_could_have(self, tmp_path: Path) -> None:
        write_kohya_lora(tmp_path / "a,b.safetensors")
        assert names_in(tmp_path) == []


class TestKeys:
    @pytest.mark.parametrize(
        ("key", "place", "part"),
        [
            ("lora_unet_down_blocks_2_attn1_to_q.lora_down.weight", QUERY, Part.DOWN),
            ("lora_unet_down_blocks_2_attn1_to_q.alpha", QUERY, Part.ALPHA),
            ("unet.down_blocks.2.attn1.to_q.lora_B.weight", QUERY, Part.UP),
            ("unet.down_blocks.2.attn1.to_q.lora.up.weight", QUERY, Part.UP),
            ("unet.down_blocks.2.attn1.processor.to_q_lora.down.weight", QUERY, Part.DOWN),
            ("unet.down_blocks.2.attn1.processor.to_out_lora.up.weight", OUT, Part.UP),
            ("base_model.model.down_blocks.2.attn1.to_q.lora_A.weight", QUERY, Part.DOWN),
            ("down_blocks.2.attn1.to_q.lora_A.default.weight", QUERY, Part.DOWN),
            ("lora_te_text_model_encoder_layers_0_mlp_fc1.lora_up.weight", TEXT, Part.UP),
            ("text_encoder.text_model.encoder.layers.0.mlp.fc1.lora_A.weight", TEXT, Part.DOWN),
            (
                "text_encoder.encoder.layers.0.mlp.fc1.lora_linear_layer.up.weight",
                TEXT,
                Part.UP,
            ),
        ],
    )
    def test_of_every_trainer_lead_to_their_module(
        self, key: str, place: Place, part: Part
    ) -> None:
        assert placed(key) == (place, part)

    @pytest.mark.parametrize("key", ["conv_in.weight", "lora_unet_x.hada_w1_a", "x.dora_scale"])
    def test_of_other_things_lead_nowhere(self, key: str) -> None:
        assert placed(key) is None


class TestScales:
    def test_are_one_where_a_file_says_nothing_that_can_be_read(self) -> None:
        for said in ({}, {"lora_adapter_metadata": "nonsense"}, {"lora_adapter_metadata": "{}"}):
            assert LoraScales.of(said).scale(QUERY, rank=4) == 1

    def test_come_from_the_settings_that_diffusers_keeps(self) -> None:
        settings = {"unet.lora_alpha": 8, "unet.alpha_pattern": {"down_blocks.2.attn1.to_q": 2}}
        scales = LoraScales.of({"lora_adapter_metadata": json.dumps(settings)})
        assert scales.scale(OUT, rank=4) == 2
        assert scales.scale(QUERY, rank=4) == 0.5
        assert scales.scale(TEXT, rank=4) == 1


class TestHashes:
    def test_are_of_the_file_and_of_its_tensors_alone(self, tmp_path: Path) -> None:
        file = write_kohya_lora(tmp_path / "one.safetensors")
        other = write_kohya_lora(tmp_path / "other.safetensors", metadata={"a": "b"})
        length = 8 + int.from_bytes(file.read_bytes()[:8], "little")
        other_length = 8 + int.from_bytes(other.read_bytes()[:8], "little")
        hashes, others = Hashes.of_file(file, length), Hashes.of_file(other, other_length)
        assert hashes.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
        assert hashes.autov3 == hashlib.sha256(file.read_bytes()[length:]).hexdigest()[:12]
        assert (hashes.autov3 == others.autov3, hashes.sha256 == others.sha256) == (True, False)
        assert Hashes.of(memoryview(file.read_bytes()), length) == hashes


class TestWatch:
    def test_publishes_what_is_there_at_once_and_its_hashes_at_the_next_look(
        self, tmp_path: Path, fake_redis: Redis
    ) -> None:
        WorkerRegistry(fake_redis).announce(Heartbeat(worker="w", state=WorkerState.LOADING))
        registry = LoraRegistry(fake_redis)
        watch = LoraWatch(tmp_path, registry, "w", interval_seconds=1)
        watch.look()
        assert registry.all() == []
        file = write_kohya_lora(tmp_path / "one.safetensors")
        watch.look()
        assert [(lora.name, lora.sha256) for lora in registry.all()] == [("one", None)]
        watch.look()
        (listed,) = registry.all()
        assert listed.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
        fake_redis.delete("semantic-bit:loras:w")  # Redis was restarted without its data.
        watch.look()
        assert registry.all() == [listed]
        file.unlink()
        watch.look()
        assert registry.all() == []

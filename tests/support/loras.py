"""LoRA files for the bundled model, as trainers write them, with seeded random numbers."""

import json
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

RANK = 4
_INNER, _TEXT, _MIDDLE = 112, 96, 288

Modules = Mapping[str, tuple[int, int]]
"""Names, with how many numbers go in and come out."""

# Of the bundled model.
_UNET: Modules = {
    "down_blocks.2.attentions.0.transformer_blocks.0.attn1.to_q": (_INNER, _INNER),
    "down_blocks.2.attentions.0.transformer_blocks.0.attn1.to_out.0": (_INNER, _INNER),
    "down_blocks.2.attentions.0.transformer_blocks.0.attn2.to_k": (_TEXT, _INNER),
    "up_blocks.1.attentions.0.transformer_blocks.0.attn2.to_v": (_TEXT, _INNER),
}
_TEXT_ENCODER: Modules = {
    "text_model.encoder.layers.0.self_attn.q_proj": (_TEXT, _TEXT),
    "text_model.encoder.layers.1.mlp.fc1": (_TEXT, _MIDDLE),
}
METADATA = {
    "ss_output_name": "Stripes",
    "ss_base_model_version": "sd_v1",
    "ss_tag_frequency": json.dumps({"10_a": {"stripes": 7, "cat": 2}, "5_b": {"cat": 6}}),
}

Tensor = NDArray[np.float32]
Tensors = dict[str, Tensor]
Pairs = dict[str, tuple[Tensor, Tensor]]


def write_kohya_lora(
    path: Path, *, seed: int = 1, alpha: float = 2.0, metadata: Mapping[str, str] = METADATA
) -> Path:
    """Write a LoRA as kohya's trainer does: underscores, `lora_down` and `lora_up`, and alphas."""
    tensors: Tensors = {}
    for prefix, modules in (("lora_unet", _UNET), ("lora_te", _TEXT_ENCODER)):
        for module, (down, up) in _pairs(modules, seed).items():
            name = f"{prefix}_{module.replace('.', '_')}"
            tensors[f"{name}.lora_down.weight"] = down
            tensors[f"{name}.lora_up.weight"] = up
            tensors[f"{name}.alpha"] = np.array(alpha, np.float32)
    save_file(tensors, path, dict(metadata))
    return path


def write_diffusers_lora(
    path: Path, *, seed: int = 1, unet: Modules = _UNET, text_encoder: Modules = _TEXT_ENCODER
) -> Path:
    """Write a LoRA as diffusers does with PEFT: dots, `lora_A` and `lora_B`, alpha as the rank."""
    tensors: Tensors = {}
    for prefix, modules in (("unet", unet), ("text_encoder", text_encoder)):
        for module, (down, up) in _pairs(modules, seed).items():
            tensors[f"{prefix}.{module}.lora_A.weight"] = down
            tensors[f"{prefix}.{module}.lora_B.weight"] = up
    save_file(tensors, path)
    return path


def write_tensors(path: Path, **tensors: Tensor) -> Path:
    """Write a file with these tensors; two underscores stand for a dot."""
    named = {name.replace("__", "."): tensor for name, tensor in tensors.items()}
    save_file(named, path)
    return path


def write_header(path: Path, header: object, content: bytes = b"") -> Path:
    """Write a file in safetensors form, whatever its header says."""
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + content)
    return path


def _pairs(modules: Modules, seed: int) -> Pairs:
    numbers = np.random.default_rng(seed)

    def some(*shape: int) -> Tensor:
        return numbers.standard_normal(shape, np.float32) * np.float32(0.3)

    return {
        module: (some(RANK, taken), some(given, RANK)) for module, (taken, given) in modules.items()
    }


def ones(*shape: int) -> Tensor:
    return np.ones(shape, np.float32)

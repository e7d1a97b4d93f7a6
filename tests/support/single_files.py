"""A model in one file, in the layout that Stable Diffusion was published in."""

from collections.abc import Iterable
from pathlib import Path

import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextModel

Weights = dict[str, torch.Tensor]
Renames = Iterable[tuple[str, str]]

_RESNET = (
    ("norm1", "in_layers.0"),
    ("conv1", "in_layers.2"),
    ("norm2", "out_layers.0"),
    ("conv2", "out_layers.3"),
    ("time_emb_proj", "emb_layers.1"),
    ("conv_shortcut", "skip_connection"),
)
_UNET_ENDS = (
    ("time_embedding.linear_1", "time_embed.0"),
    ("time_embedding.linear_2", "time_embed.2"),
    ("conv_in", "input_blocks.0.0"),
    ("conv_norm_out", "out.0"),
    ("conv_out", "out.2"),
    ("mid_block.resnets.0.", "middle_block.0."),
    ("mid_block.attentions.0.", "middle_block.1."),
    ("mid_block.resnets.1.", "middle_block.2."),
)
_VAE_ATTENTION = (
    ("group_norm", "norm"),
    ("to_q", "q"),
    ("to_k", "k"),
    ("to_v", "v"),
    ("to_out.0", "proj_out"),
)


def single_file(
    folder: Path, path: Path, *, without: str = "", metadata: dict[str, str] | None = None
) -> Path:
    """Write the model of a folder to one file, but for what begins with `without`."""
    pipeline = StableDiffusionPipeline.from_pretrained(folder, safety_checker=None)
    weights = {
        **_under("model.diffusion_model.", _unet_weights(pipeline.unet)),
        **_under("first_stage_model.", _vae_weights(pipeline.vae)),
        **_under("cond_stage_model.transformer.text_model.", _text_weights(pipeline.text_encoder)),
    }
    kept = {key: value for key, value in weights.items() if not without or without not in key}
    save_file(kept, path, metadata)
    return path


def _under(prefix: str, weights: Weights) -> Weights:
    return {f"{prefix}{key}": value.contiguous() for key, value in weights.items()}


def _renamed(weights: Weights, renames: Renames) -> Weights:
    return {_rename(key, renames): value for key, value in weights.items()}


def _rename(key: str, renames: Renames) -> str:
    for old, new in renames:
        if key.startswith(old):
            return new + key.removeprefix(old)
    return key


def _unet_weights(unet: UNet2DConditionModel) -> Weights:
    weights = {_of_resnet(key): value for key, value in unet.state_dict().items()}
    return _renamed(weights, (*_UNET_ENDS, *_unet_blocks(unet)))


def _of_resnet(key: str) -> str:
    if ".resnets." not in key:
        return key
    for old, new in _RESNET:
        key = key.replace(f".{old}.", f".{new}.")
    return key


def _unet_blocks(unet: UNet2DConditionModel) -> list[tuple[str, str]]:
    blocks, layers = len(unet.down_blocks), unet.config.layers_per_block
    renames = []
    for block in range(blocks):
        first = block * (layers + 1)
        for layer in range(layers):
            place = f"input_blocks.{first + layer + 1}"
            renames.append((f"down_blocks.{block}.resnets.{layer}.", f"{place}.0."))
            renames.append((f"down_blocks.{block}.attentions.{layer}.", f"{place}.1."))
        sampler = f"down_blocks.{block}.downsamplers.0.conv."
        renames.append((sampler, f"input_blocks.{first + layers + 1}.0.op."))
        for layer in range(layers + 1):
            place = f"output_blocks.{first + layer}"
            renames.append((f"up_blocks.{block}.resnets.{layer}.", f"{place}.0."))
            renames.append((f"up_blocks.{block}.attentions.{layer}.", f"{place}.1."))
        behind = 2 if hasattr(unet.up_blocks[block], "attentions") else 1
        sampler = f"up_blocks.{block}.upsamplers.0."
        renames.append((sampler, f"output_blocks.{first + layers}.{behind}."))
    return renames


def _vae_weights(vae: AutoencoderKL) -> Weights:
    weights = _renamed(vae.state_dict(), _vae_blocks(vae))
    return dict(_vae_inner(key, value) for key, value in weights.items())


def _vae_blocks(vae: AutoencoderKL) -> list[tuple[str, str]]:
    blocks, layers = len(vae.config.block_out_channels), vae.config.layers_per_block
    renames = []
    for block in range(blocks):
        back = blocks - 1 - block
        sampler = f"encoder.down_blocks.{block}.downsamplers.0."
        renames.append((sampler, f"encoder.down.{block}.downsample."))
        sampler = f"decoder.up_blocks.{block}.upsamplers.0."
        renames.append((sampler, f"decoder.up.{back}.upsample."))
        for layer in range(layers + 1):
            old = f"encoder.down_blocks.{block}.resnets.{layer}."
            renames.append((old, f"encoder.down.{block}.block.{layer}."))
            old = f"decoder.up_blocks.{block}.resnets.{layer}."
            renames.append((old, f"decoder.up.{back}.block.{layer}."))
    for half in ("encoder", "decoder"):
        renames.append((f"{half}.conv_norm_out", f"{half}.norm_out"))
        renames.append((f"{half}.mid_block.attentions.0.", f"{half}.mid.attn_1."))
        for number in range(2):
            old = f"{half}.mid_block.resnets.{number}."
            renames.append((old, f"{half}.mid.block_{number + 1}."))
    return renames


def _vae_inner(key: str, value: torch.Tensor) -> tuple[str, torch.Tensor]:
    key = key.replace("conv_shortcut", "nin_shortcut")
    if ".attn_1." not in key:
        return key, value
    for old, new in _VAE_ATTENTION:
        key = key.replace(f".attn_1.{old}.", f".attn_1.{new}.")
    is_convolution = key.endswith("weight") and ".norm." not in key
    return key, value[:, :, None, None] if is_convolution else value


def _text_weights(encoder: CLIPTextModel) -> Weights:
    # Newer releases of transformers leave out the prefix that the files have.
    return {key.removeprefix("text_model."): value for key, value in encoder.state_dict().items()}

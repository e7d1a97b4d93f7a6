"""Stable Diffusion with random weights, in real classes and small enough to be built by a test."""

import shutil
from pathlib import Path
from typing import Literal

import torch
from diffusers import AutoencoderKL, PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

_TOKENIZER = Path(__file__).resolve().parents[2] / "models" / "demo" / "tokenizer"
_CONTRAST = 8.0
"""Of the decoder, whose pictures would be grey with the weights that it begins with."""

PredictionType = Literal["epsilon", "v_prediction"]


def tiny_model(
    folder: Path,
    prediction_type: PredictionType = "epsilon",
    *,
    channels: int = 32,
    text_width: int = 32,
    layers: int = 1,
    heads: int = 8,
    seed: int = 0,
) -> Path:
    """Write a model in diffusers' format, the same for the same `seed`; give its folder.

    The fewer `heads` look at a picture, the quicker it is painted.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        pipeline = StableDiffusionPipeline(
            vae=_vae(),
            text_encoder=_text_encoder(text_width),
            tokenizer=CLIPTokenizer.from_pretrained(_TOKENIZER),
            unet=_unet(channels, text_width, layers, heads),
            scheduler=_scheduler(prediction_type),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
    pipeline.save_pretrained(folder)
    # As files that a tokenizer can be read from without transformers.
    shutil.copytree(_TOKENIZER, folder / "tokenizer", dirs_exist_ok=True)
    return folder


def _unet(channels: int, text_width: int, layers: int, heads: int) -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=64,
        block_out_channels=(channels, 2 * channels),
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        layers_per_block=layers,
        attention_head_dim=heads,  # So called by diffusers, and taken for their number.
        cross_attention_dim=text_width,
        norm_num_groups=8,
    ).eval()


def _vae() -> AutoencoderKL:
    vae = AutoencoderKL(
        block_out_channels=(8, 8, 16, 16),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=4,
        norm_num_groups=8,
    ).eval()
    with torch.no_grad():
        vae.decoder.conv_out.weight.mul_(_CONTRAST)
    return vae


def _text_encoder(width: int) -> CLIPTextModel:
    tokenizer = CLIPTokenizer.from_pretrained(_TOKENIZER)
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=2 * width,
        projection_dim=width,
        num_hidden_layers=2,
        num_attention_heads=4,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return CLIPTextModel(config).eval()


def _scheduler(prediction_type: PredictionType) -> PNDMScheduler:
    return PNDMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        skip_prk_steps=True,
        steps_offset=1,
        prediction_type=prediction_type,
    )

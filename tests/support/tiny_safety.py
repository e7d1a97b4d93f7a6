"""Safety checkers with random weights, whose thresholds decide what they find."""

from pathlib import Path

import torch
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from transformers import CLIPConfig, CLIPImageProcessor

FLAGS_ALL, FLAGS_NOTHING = -2.0, 2.0
"""Thresholds below and above every cosine."""

_SIDE = 32


def tiny_safety_checker(folder: Path, threshold: float, *, apart: bool = False) -> Path:
    """Write a checker, flat or `apart` as in a model's folder; give the folder."""
    torch.manual_seed(0)
    checker = StableDiffusionSafetyChecker(_config())
    with torch.no_grad():
        checker.concept_embeds.normal_()
        checker.concept_embeds_weights.fill_(threshold)
        checker.special_care_embeds_weights.fill_(FLAGS_NOTHING)
    processor = CLIPImageProcessor(
        size={"shortest_edge": _SIDE}, crop_size={"height": _SIDE, "width": _SIDE}
    )
    checker.save_pretrained(folder / "safety_checker" if apart else folder)
    processor.save_pretrained(folder / "feature_extractor" if apart else folder)
    return folder


def _config() -> CLIPConfig:
    width = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    tower = {**width, "num_attention_heads": 2, "projection_dim": 8}
    words = {"vocab_size": 8, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
    return CLIPConfig(
        projection_dim=8,
        text_config={**tower, **words},
        vision_config={**tower, "image_size": _SIDE, "patch_size": 16},
    )

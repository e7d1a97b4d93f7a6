"""The U-Net, the text model and the noise schedule of the bundled model."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from diffusers import DDPMScheduler, UNet2DConditionModel
from torch import Tensor, nn
from torch.nn import functional
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from .words import MAX_TOKENS

TEXT_WIDTH = 96
SCHEDULE = {
    "num_train_timesteps": 1000,
    "beta_schedule": "linear",
    "beta_start": 0.0001,
    "beta_end": 0.02,
    "prediction_type": "v_prediction",
    "timestep_spacing": "trailing",
    "steps_offset": 1,
    "clip_sample": False,
}
"""Ends in almost pure noise, so that flat colours do not shine through from the start."""
CLEAREST = 5.0
"""Ratio of signal to noise from which on the decoder cleans up as well as the U-Net."""


@dataclass(frozen=True)
class Denoiser:
    """What predicts the velocity of noisy latents under a caption."""

    tokenizer: CLIPTokenizer
    text_encoder: CLIPTextModel
    unet: UNet2DConditionModel

    def modules(self) -> nn.ModuleDict:
        """Give both networks as one, to train and store them together."""
        return nn.ModuleDict({"text_encoder": self.text_encoder, "unet": self.unet})

    def velocity(self, noisy: Tensor, timesteps: Tensor, captions: Sequence[str]) -> Tensor:
        """Predict the velocity, shaped as the noisy latents."""
        tokens = self.tokenizer(
            list(captions),
            padding="max_length",
            max_length=MAX_TOKENS,
            truncation=True,
            return_tensors="pt",
        ).input_ids
        words = self.text_encoder(tokens).last_hidden_state
        output: Tensor = self.unet(noisy, timesteps, words).sample
        return output


def build_denoiser(tokenizer: CLIPTokenizer) -> Denoiser:
    """Build untrained networks."""
    return Denoiser(tokenizer, _text_encoder(tokenizer), _unet())


def build_scheduler() -> DDPMScheduler:
    """Build the noise schedule that training uses and the pipeline's samplers start from."""
    return DDPMScheduler(**SCHEDULE)


def velocity_loss(
    denoiser: Denoiser, scheduler: DDPMScheduler, latents: Tensor, captions: Sequence[str]
) -> Tensor:
    """Mean squared error of the velocity at random times, less where hardly any noise is left."""
    count = len(latents)
    steps = scheduler.config.num_train_timesteps
    timesteps = ((torch.rand(count) + torch.arange(count)) / count * steps).long()
    noise = torch.randn_like(latents)
    noisy = scheduler.add_noise(latents, noise, timesteps)
    target = scheduler.get_velocity(latents, noise, timesteps)
    error = functional.mse_loss(
        denoiser.velocity(noisy, timesteps, captions), target, reduction="none"
    )
    signal = scheduler.alphas_cumprod[timesteps]
    weight = (CLEAREST * (1.0 - signal) / signal).clamp(max=1.0)
    loss: Tensor = (error.mean(dim=(1, 2, 3)) * weight).mean()
    return loss


def _text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=TEXT_WIDTH,
            intermediate_size=TEXT_WIDTH * 3,
            projection_dim=TEXT_WIDTH,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=MAX_TOKENS,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def _unet() -> UNet2DConditionModel:
    unet = UNet2DConditionModel(
        sample_size=64,
        block_out_channels=(48, 64, 112, 128),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "DownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
        attention_head_dim=(3, 4, 7, 8),
        norm_num_groups=16,
        cross_attention_dim=TEXT_WIDTH,
    )
    return unet.to(memory_format=torch.channels_last)

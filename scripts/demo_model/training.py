"""Training the U-Net and the text model, from small pictures to large ones."""

import logging
import time
from collections.abc import Sequence
from math import cos, pi
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from .denoiser import Denoiser, build_scheduler, velocity_loss
from .description import caption
from .phases import PHASES, Phase
from .pictures import Batch, Bucket, batches, draw_bucket

logger = logging.getLogger(__name__)

UNCONDITIONAL = 0.09
"""Share of the pictures that are learned under the empty caption."""
WARM_UP_STEPS = 200
EMA_DECAY = 0.999
SAVE_EVERY = 250


class Trainer:
    """Trains a denoiser phase by phase and goes on where a stopped run left off."""

    def __init__(self, denoiser: Denoiser, work: Path) -> None:
        self.denoiser = denoiser
        self.networks = denoiser.modules()
        self.averages = {name: value.clone() for name, value in self._weights()}
        self.optimizer = torch.optim.AdamW(self.networks.parameters(), weight_decay=0.01)
        self.scheduler = build_scheduler()
        self.checkpoint = work / "denoiser.pt"
        self.phase, self.step = 0, 0
        if self.checkpoint.exists():
            self._load()

    def run(self, phases: Sequence[Phase] = PHASES) -> None:
        """Train until the last phase has ended, then take the averaged weights."""
        while self.phase < len(phases):
            self._run_phase(phases[self.phase])
            self.phase, self.step = self.phase + 1, 0
            self._save()
        self.networks.load_state_dict(self.averages, strict=False)

    def _run_phase(self, phase: Phase) -> None:
        random = np.random.default_rng((self.phase, self.step))
        torch.manual_seed(int(random.integers(2**31)))
        logger.info("phase %s: drawing", phase.name)
        source = batches(_buckets(phase, self.phase), phase.pixels, random)
        losses: list[float] = []
        started = time.monotonic()
        while self.step < phase.steps:
            self._set_rate(phase)
            losses.append(self._learn(next(source), random))
            self.step += 1
            if self.step % SAVE_EVERY == 0:
                seconds = (time.monotonic() - started) / len(losses)
                logger.info(
                    "phase %s: step %d of %d, loss %.4f, %.3f s a step",
                    *(phase.name, self.step, phase.steps),
                    *(np.mean(losses[-SAVE_EVERY:]), seconds),
                )
                self._save()

    def _learn(self, batch: Batch, random: np.random.Generator) -> float:
        captions = [
            "" if random.random() < UNCONDITIONAL else caption(facts, random)
            for facts in batch.facts
        ]
        latents = batch.latents.contiguous(memory_format=torch.channels_last)
        loss = velocity_loss(self.denoiser, self.scheduler, latents, captions)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self.networks.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self._average()
        return loss.item()

    def _set_rate(self, phase: Phase) -> None:
        rise = min(1.0, (self.step + 1) / WARM_UP_STEPS)
        fall = 0.05 + 0.95 * (1 + cos(pi * self.step / phase.steps)) / 2
        for group in self.optimizer.param_groups:
            group["lr"] = phase.rate * rise * fall

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(EMA_DECAY, (self.step + 1) / (self.step + 10))
        names, values = zip(*self._weights(), strict=True)
        torch._foreach_lerp_([self.averages[name] for name in names], list(values), 1 - decay)

    def _weights(self) -> list[tuple[str, Tensor]]:
        return [(name, value.detach()) for name, value in self.networks.named_parameters()]

    def _save(self) -> None:
        state = {
            "networks": self.networks.state_dict(),
            "averages": self.averages,
            "optimizer": self.optimizer.state_dict(),
            "phase": self.phase,
            "step": self.step,
        }
        unfinished = self.checkpoint.with_suffix(".part")
        torch.save(state, unfinished)
        unfinished.replace(self.checkpoint)

    def _load(self) -> None:
        state = torch.load(self.checkpoint, weights_only=True)
        self.networks.load_state_dict(state["networks"])
        self.averages = state["averages"]
        self.optimizer.load_state_dict(state["optimizer"])
        self.phase, self.step = state["phase"], state["step"]


def _buckets(phase: Phase, number: int) -> list[Bucket]:
    first_seed = (number + 1) * 1_000_000
    drawn = []
    for size, count in phase.sizes:
        drawn.append(draw_bucket(size, count, first_seed))
        first_seed += count
    return drawn

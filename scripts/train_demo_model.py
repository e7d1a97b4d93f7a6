"""Draw the pictures, train the bundled model on them and write its folder.

python -m scripts.train_demo_model --work /tmp/demo-model --output models/demo
"""

import argparse
import logging
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from diffusers import AutoencoderTiny

from scripts.demo_model.autoencoder import build_autoencoder
from scripts.demo_model.card import folder_bytes, write_card
from scripts.demo_model.check import Answer, ask
from scripts.demo_model.denoiser import Denoiser, build_denoiser
from scripts.demo_model.folder import draw_with, load_pipeline, write_folder
from scripts.demo_model.questions import held_out_questions
from scripts.demo_model.rehearsal import rehearse
from scripts.demo_model.sharpening import (
    FROM_PICTURES,
    FROM_REHEARSAL,
    draw_pairs,
    sharpen,
)
from scripts.demo_model.training import Trainer
from scripts.demo_model.words import build_tokenizer

CHECK_SIZE, CHECK_STEPS, CHECK_GUIDANCE = 512, 28, 7.0

logger = logging.getLogger(__name__)


def main() -> None:
    """Train everything, or go on where an earlier run stopped."""
    arguments = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    arguments.work.mkdir(parents=True, exist_ok=True)
    denoiser = build_denoiser(build_tokenizer())
    Trainer(denoiser, arguments.work).run()
    autoencoder = _trained_autoencoder(denoiser, arguments.work)
    answers = _write(denoiser, autoencoder, arguments.output)
    logger.info("%d of %d are right", sum(answer.right for answer in answers), len(answers))


def _trained_autoencoder(denoiser: Denoiser, work: Path) -> AutoencoderTiny:
    autoencoder = build_autoencoder()
    pairs = draw_pairs()
    sharpen(autoencoder, pairs, FROM_PICTURES, work)
    logger.info("rehearsing")
    sharpen(autoencoder, [*pairs[::4], *rehearse(denoiser)], FROM_REHEARSAL, work)
    return autoencoder


def _write(denoiser: Denoiser, autoencoder: AutoencoderTiny, output: Path) -> Sequence[Answer]:
    """Write beside the output and rename, so that a reader sees the old or the new folder."""
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent) as scratch:
        folder = Path(scratch) / output.name
        write_folder(denoiser, autoencoder, folder)
        answers = _check(folder)
        parts = {
            "U-Net": denoiser.unet.num_parameters(),
            "text model": denoiser.text_encoder.num_parameters(),
            "autoencoder": autoencoder.num_parameters(),
        }
        write_card(folder, parts, answers, (CHECK_SIZE, CHECK_STEPS, CHECK_GUIDANCE))
        logger.info("the folder has %.1f MB", folder_bytes(folder) / 1e6)
        shutil.rmtree(output, ignore_errors=True)
        folder.replace(output)
    return answers


def _check(folder: Path) -> Sequence[Answer]:
    pipeline = load_pipeline(folder)
    draw = draw_with(pipeline, size=CHECK_SIZE, steps=CHECK_STEPS, guidance=CHECK_GUIDANCE)
    answers = ask(draw, held_out_questions())
    for answer in answers:
        mark = "right" if answer.right else "WRONG"
        seen = f"{answer.object} on {answer.background}"
        logger.info("%s: %s: %s", mark, answer.question.caption, seen)
    return answers


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, default=Path("models/demo"))
    parser.add_argument("--work", type=Path, required=True, help="where checkpoints are kept")
    return parser.parse_args()


if __name__ == "__main__":
    main()

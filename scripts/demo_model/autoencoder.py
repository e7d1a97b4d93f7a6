"""An autoencoder whose encoder is written down and whose decoder is trained."""

import torch
from diffusers import AutoencoderTiny
from torch import Tensor, nn

from .latents import COLOUR_MEAN, COLOUR_SCALE, EDGE_MEAN, EDGE_SCALE

ENCODER_WIDTH, DECODER_WIDTH = 8, 24
DECODER_BLOCKS = (3, 3, 2, 1)
RED, GREEN, BLUE, RIGHT, LEFT, DOWN, UP, ONE = range(8)
"""What each channel inside the encoder carries; `ONE` is 1 everywhere and finds the border."""


def build_autoencoder() -> AutoencoderTiny:
    """Build the autoencoder with its final encoder and a decoder that shows coarse pixels."""
    autoencoder = AutoencoderTiny(
        latent_channels=4,
        encoder_block_out_channels=(ENCODER_WIDTH,) * 4,
        decoder_block_out_channels=(DECODER_WIDTH,) * 4,
        num_encoder_blocks=(1, 1, 1, 1),
        num_decoder_blocks=DECODER_BLOCKS,
        scaling_factor=1.0,
    )
    with torch.no_grad():
        write_encoder(autoencoder)
        start_decoder(autoencoder)
    return autoencoder


def write_encoder(autoencoder: AutoencoderTiny) -> None:
    """Set the encoder's weights so that it computes `latents_of`."""
    parameters = list(autoencoder.encoder.parameters())
    for parameter in parameters:
        parameter.zero_()
    layers = list(autoencoder.encoder.layers)
    _write_gradients(layers[0])
    _write_border_mask(layers[1].conv)
    for halving in (layers[2], layers[4], layers[6]):
        for channel in range(ONE):
            halving.weight[channel, channel, 1:, 1:] = 0.25
    _write_latents(layers[8])


def start_decoder(autoencoder: AutoencoderTiny) -> None:
    """Let colours pass every stage unchanged, so that training only has to sharpen them."""
    layers = autoencoder.decoder.layers
    convolutions = [layer for layer in layers if isinstance(layer, nn.Conv2d)]
    first, *middle, last = convolutions
    for channel in range(3):
        first.weight[channel] = 0.0
        first.weight[channel, channel, 1, 1] = COLOUR_SCALE
        _bias(first)[channel] = COLOUR_MEAN
    for convolution in middle:
        convolution.weight[:3] = 0.0
        for channel in range(3):
            convolution.weight[channel, channel, 1, 1] = 1.0
    last.weight.zero_()
    _bias(last).zero_()
    for channel in range(3):
        last.weight[channel, channel, 1, 1] = 1.0
    for layer in layers:
        if hasattr(layer, "conv"):
            change = _convolution(layer.conv[4])
            change.weight[:3] = 0.0
            change.weight[3:] *= 0.3
            _bias(change).zero_()


def _write_gradients(convolution: nn.Conv2d) -> None:
    for colour in (RED, GREEN, BLUE):
        convolution.weight[colour, colour, 1, 1] = 1.0
    for channel, sign, (row, column) in (
        (RIGHT, 1.0, (1, 2)),
        (LEFT, -1.0, (1, 2)),
        (DOWN, 1.0, (2, 1)),
        (UP, -1.0, (2, 1)),
    ):
        convolution.weight[channel, :, row, column] = sign / 3.0
        convolution.weight[channel, :, 1, 1] = -sign / 3.0
    _bias(convolution)[ONE] = 1.0


def _write_border_mask(block: nn.Sequential) -> None:
    """Silence the steps from the last column and row into the padding."""
    find, keep, silence = (_convolution(block[at]) for at in (0, 2, 4))
    for hidden, (row, column), channels in (
        (0, (1, 2), (RIGHT, LEFT)),
        (1, (2, 1), (DOWN, UP)),
    ):
        find.weight[hidden, ONE, row, column] = -1.0
        _bias(find)[hidden] = 1.0
        keep.weight[hidden, hidden, 1, 1] = 1.0
        for channel in channels:
            silence.weight[channel, hidden, 1, 1] = -2.0


def _write_latents(convolution: nn.Conv2d) -> None:
    for colour in (RED, GREEN, BLUE):
        convolution.weight[colour, colour, 1, 1] = 1.0 / COLOUR_SCALE
        _bias(convolution)[colour] = -COLOUR_MEAN / COLOUR_SCALE
    convolution.weight[3, RIGHT : UP + 1, 1, 1] = 1.0 / EDGE_SCALE
    _bias(convolution)[3] = -EDGE_MEAN / EDGE_SCALE


def _convolution(layer: nn.Module) -> nn.Conv2d:
    assert isinstance(layer, nn.Conv2d)
    return layer


def _bias(convolution: nn.Conv2d) -> Tensor:
    assert convolution.bias is not None
    return convolution.bias

"""Where training starts: from layers that each pass their input on at full strength."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

# Standard deviation of the sound that the untrained decoder makes: about that of speech. With a weaker one
# the last layer's weights would be so small that a step of Adam changes them by some 6 %.
LEVEL = 0.1


@torch.no_grad()
def scale(network: Any, sound: Tensor) -> None:
    """Gives every convolution's output a standard deviation of 1 for this sound, float32 (B, N).

    Salimans & Kingma, Weight Normalization, NeurIPS 2016, with one scale a layer. With the layers' own start
    each makes its input weaker, so that behind twenty of them nothing of the sound is left to learn from.
    """
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv1d | nn.ConvTranspose1d)]
    *_, last = (layer for layer in network.decoder.modules() if isinstance(layer, nn.Conv1d))
    hooks = [
        layer.register_forward_hook(partial(_set, level=LEVEL if layer is last else 1)) for layer in layers
    ]
    try:
        network.decoder(network.encoder(sound[:, None]))
    finally:
        for hook in hooks:
            hook.remove()


def _set(layer: Any, _: tuple[Tensor, ...], made: Tensor, level: float) -> Tensor:
    made = made - layer.bias[None, :, None]
    layer.bias.zero_()
    factor = level / float(made.std())
    layer.parametrizations.weight.original0.mul_(factor)
    return made * factor

"""How far decoded speech is from what was said, over many lengths of window; nothing needs a download."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

# Windows in samples at 16 kHz, 8 to 128 ms, and the mel bands of each.
SCALES = ((128, 20), (256, 32), (512, 64), (1024, 96), (2048, 128))
_LINEAR = (512, 1024)  # windows whose plain spectrum counts too: mel bands blur the highest harmonics
ENVELOPE = (1024, 80)  # window and bands of the guide
# Magnitudes, 64 and 78 dB below that of a sine at full scale, under which logarithms see no difference: the
# first for learning, as the logarithm of what is weaker is mostly chance; the second for the end, as hiss
# between harmonics, and where a voice has nothing, is heard and measured.
FLOOR, LAST_FLOOR = 3e-4, 6e-5


class Spectra:
    """Sounds, float32 (B, N), with their magnitudes, those of each window worked out once.

    floor: of logarithms.
    """

    def __init__(self, sound: Tensor, floor: float = FLOOR) -> None:
        self.sound, self.floor = sound, floor
        self._found: dict[int, Tensor] = {}

    def magnitudes(self, window: int) -> Tensor:
        """(B, window / 2 + 1, frames), of a sine of amplitude 1 at most 1/2; frames overlap by 3/4."""
        if window not in self._found:
            self._found[window] = _magnitudes(self.sound, window, window // 4)
        return self._found[window]


def mel_distance(made: Spectra, target: Spectra, rate: int) -> Tensor:
    """L1 of log10 mel magnitudes, mean over `SCALES`. Kumar et al., NeurIPS 2023."""
    terms = []
    for window, bands in SCALES:
        filters = _filters(rate, window, bands).to(made.sound.device)
        a, b = (_log(x.magnitudes(window).transpose(1, 2) @ filters, x.floor) for x in (made, target))
        terms.append((a - b).abs().mean())
    return torch.stack(terms).mean()


def spectral_distance(made: Spectra, target: Spectra) -> Tensor:
    """L1 of log10 magnitudes, mean over windows."""
    terms = []
    for window in _LINEAR:
        a, b = (_log(x.magnitudes(window), x.floor) for x in (made, target))
        terms.append((a - b).abs().mean())
    return torch.stack(terms).mean()


def envelope(sound: Tensor, rate: int, hop: int) -> Tensor:
    """log10 mel magnitudes of each frame of `hop` samples, float32 (B, ENVELOPE bands, frames)."""
    window, bands = ENVELOPE
    magnitudes = _magnitudes(sound, window, hop).transpose(1, 2)
    return _log(magnitudes @ _filters(rate, window, bands).to(sound.device), FLOOR).transpose(1, 2)


def convergence(made: Spectra, target: Spectra) -> Tensor:
    """Share of the spectrum's magnitudes that is wrong, mean over windows.

    Where logarithms ask for every level alike, this asks for the strongest harmonics. Arık et al., Fast
    Spectrogram Inversion, IEEE SPL 2019. Of silence it asks for silence.
    """
    terms = []
    for window in _LINEAR:
        a, b = (x.magnitudes(window).flatten(1) for x in (made, target))
        terms.append(((a - b).norm(dim=1) / b.norm(dim=1).clamp_min(1e-2)).mean())
    return torch.stack(terms).mean()


def _magnitudes(samples: Tensor, window: int, hop: int) -> Tensor:
    shape = torch.hann_window(window, device=samples.device)
    found = torch.stft(samples, window, hop, window=shape, center=True, return_complex=True)
    return (found.real.square() + found.imag.square() + 1e-12).sqrt() / shape.sum()


def _log(magnitudes: Tensor, floor: float) -> Tensor:
    return magnitudes.clamp_min(floor).log10()


@cache
def _filters(rate: int, window: int, bands: int) -> Tensor:
    """(window / 2 + 1, bands): Slaney's triangles, each with a sum of 1."""
    from transformers.audio_utils import mel_filter_bank

    filters = mel_filter_bank(window // 2 + 1, bands, 0.0, rate / 2, rate, mel_scale="slaney")
    total = filters.sum(0, keepdims=True)
    kept = total[0] > 0  # of a short window the lowest bands lie between two frequencies
    with torch.inference_mode(mode=False):  # validation may ask first, and learning has to follow
        return torch.from_numpy((filters[:, kept] / total[:, kept]).astype("float32"))

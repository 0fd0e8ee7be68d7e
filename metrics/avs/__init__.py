"""AVS_u, AVS_m and AVS_v: agreement of lips with speech, in the features of AV-HuBERT (Yaman et al. 2024)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import metadata, util
from typing import TYPE_CHECKING

from ...benchmark import weights
from ...benchmark.api import MetricInfo

if TYPE_CHECKING:
    from .scorer import Avs

ENCODER = "avhubert-large-vox"
LANDMARKS = "dlib-shape-68"
_PACKAGES = {"dlib": "dlib-bin", "soxr": "soxr"}
_FEATURES = (
    "F: last layer of AV-HuBERT Large (large_vox_iter5.pt, not fine-tuned; Meta's licence, non-commercial) "
    "after its norm, 25 a second; an absent modality is zero before fusion. The sound is always the "
    "reference's: 16 kHz, 26 log mel energies × 4 windows of 10 ms, layer-normed. Pictures: nearest frames "
    "at 25 fps, grey mouth crops of 88×88, mean .421, std .165, cut alike from reference and decoded picture "
    "by dlib's 68 landmarks of the reference, aligned to this project's mean face. Clips over 30 s are "
    "encoded in equal parts of at most 30 s. This project's implementation: none was released."
)
_DEFINITIONS = {
    "avs_u": f"Mean over frames of cos(F(sound), F(decoded picture)): lips with speech. {_FEATURES}",
    "avs_m": (
        "Mean over frames of cos(F(sound and reference picture), F(sound and decoded picture)), the sound "
        "being the reference's in both; F as in `avs_u`."
    ),
    "avs_v": "Mean over frames of cos(F(reference picture), F(decoded picture)); F as in `avs_u`.",
}


def availability() -> str | None:
    """None where dlib and soxr are installed; weights are looked at by the harness."""
    absent = [package for module, package in _PACKAGES.items() if util.find_spec(module) is None]
    return f"needs {' and '.join(absent)}: pip install {' '.join(absent)}" if absent else None


def describe() -> Sequence[MetricInfo]:
    """`avs_u`, `avs_m`, `avs_v`."""
    build: Mapping[str, str] = {}
    if availability() is None:
        build = {package: metadata.version(package) for package in _PACKAGES.values()}
    return tuple(
        MetricInfo(
            name=name,
            modality="video",
            kind="clip",
            unit="",
            higher_is_better=True,
            bounds=(-1.0, 1.0),
            definition=definition,
            paper=(
                "Yaman et al.: Audio-visual speech representation expert for enhanced talking face video "
                "generation and evaluation, CVPR workshops 2024; features: Shi et al.: AV-HuBERT, ICLR 2022"
            ),
            build=build,
            weights=(ENCODER, LANDMARKS),
            of_reference=name == "avs_u",
            has_quick=True,
        )
        for name, definition in _DEFINITIONS.items()
    )


def load(device: str, infos: Sequence[MetricInfo]) -> Avs:
    """The metrics, on `device`. Raises Unavailable where weights are absent or not what they should be."""
    from . import checkpoint, mouth, network, scorer

    encoder = checkpoint.encoder(weights.state_dict(ENCODER), network.Shape())
    return scorer.Avs(infos, device, encoder, mouth.Tracker(weights.path(LANDMARKS)))

"""Lip sync: SyncNet's confidence (LSE-C), distance (LSE-D) and offset between a picture and a sound.

Three protocols, named by their suffix: on crops that follow the face (none), on the whole frame (`_full`),
and with a small network of this project's own (`_synthetic`), which is always here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import TYPE_CHECKING

from ...benchmark import weights
from ...benchmark.api import MetricInfo

if TYPE_CHECKING:
    from .family import LipSync

NETWORK, SMALL_NETWORK, DETECTOR = "syncnet", "syncnet-synthetic", "s3fd"
PAPER = (
    "Chung & Zisserman, Out of time: automated lip sync in the wild, ACCV-W 2016; "
    "Prajwal et al., Wav2Lip, ACM MM 2020"
)

_WINDOWS = (
    "Windows of 5 frames (25 fps, others by nearest time) meet windows of 20 MFCC steps (16 kHz mono, 16 "
    "bits) at offsets of -15 to 15 frames: L2 distance of the embeddings, averaged over the clip; with fewer "
    "than 21 frames some offsets have no pair, and there is no value"
)
_FACES = (
    "the face of the reference, found in every frame, interpolated, median-filtered over 13 frames and cut "
    "as SyncNet's pipeline does"
)
_WHAT = {
    "": (
        f"SyncNet v2 on {_FACES}, resized to 224×224 by OpenCV (bilinear, on bytes); found by S3FD where its "
        "weights are here, else by dlib's HOG: option `faces`"
    ),
    "_full": "SyncNet v2 on whole frames resized to 224×224 by OpenCV (bilinear, on bytes)",
    "_synthetic": (
        "A small SyncNet of this project, trained on rendered heads alone: not the published LSE and never "
        f"to be compared with it. It sees the mouth, 64×64, of {_FACES}; found by dlib's HOG"
    ),
}
_ZEROS = "sounds beyond the ends are zeros, as in the published evaluation"
_ENDS = {"": _ZEROS, "_full": _ZEROS, "_synthetic": "pairs beyond the ends are left out"}
_VALUE = {
    "lse_c": "The value is the median minus the least of the 31",
    "lse_d": "The value is the least of the 31",
    "lse_offset": "The value is the offset of the least of the 31 in frames, without its sign",
}


def availability() -> str | None:
    """Always None: the small network is shipped, and weights are looked at by the harness."""
    return None


def describe() -> Sequence[MetricInfo]:
    """LSE-C, LSE-D and offset under the three protocols (no offset on whole frames)."""
    dlib = {"faces": "dlib", "dlib": metadata.version("dlib-bin")}
    # S3FD is optional: it is part of the build, not of the required weights.
    s3fd_here = weights.missing([DETECTOR]) is None
    finds = {"faces": DETECTOR} if s3fd_here else dlib
    opencv = {"opencv-python-headless": metadata.version("opencv-python-headless")}
    build = {DETECTOR: weights.sha256(DETECTOR)} if s3fd_here else {}
    return (
        *(_info(kind, "", NETWORK, finds, build | opencv) for kind in _VALUE),
        *(_info(kind, "_full", NETWORK, {}, opencv) for kind in ("lse_c", "lse_d")),
        *(_info(kind, "_synthetic", SMALL_NETWORK, dlib, {}) for kind in _VALUE),
    )


def _info(
    kind: str, protocol: str, network: str, options: Mapping[str, str], build: Mapping[str, str]
) -> MetricInfo:
    return MetricInfo(
        name=kind + protocol,
        modality="pair",
        kind="pair",
        unit="frames" if kind == "lse_offset" else "",
        higher_is_better=kind == "lse_c",
        bounds=(0.0, 15.0 if kind == "lse_offset" else None),
        definition=f"{_WHAT[protocol]}. {_WINDOWS}; {_ENDS[protocol]}. {_VALUE[kind]}.",
        paper=PAPER,
        version="2" if network == NETWORK else "1",  # 1 was resized by torch, without OpenCV's rounding
        build=build,
        options=options,
        weights=(network,),
        of_reference=True,
    )


def load(device: str, infos: Sequence[MetricInfo]) -> LipSync:
    """Only the networks and the detectors that `infos` need."""
    from .family import LipSync

    return LipSync(device, infos)

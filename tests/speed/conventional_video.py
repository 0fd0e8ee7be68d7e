"""Rate, PSNR, time and BD-rate of the conventional video codecs on real clips; prints tables.

    python tests/speed/conventional_video.py --frames 75 vvc vvc-ra hevc av1
    python tests/speed/conventional_video.py --frames 50 vvc:preset=medium vvc:preset=fast vvc:preset=faster

A codec may be followed by parameters that replace those of all its points. The first one is the anchor.
PSNR is in RGB, mean over frames; BD-rate by PCHIP over the common range, mean over clips; seconds are of
encoding, per second of video.
"""

import argparse
import statistics
import time
from fractions import Fraction
from pathlib import Path

import bjontegaard
import torch
from talkbench.benchmark.api import registry
from talkbench.benchmark.api.types import Clip, ClipSpec, Point
from talkbench.benchmark.media import ffmpeg

CLIPS = Path(__file__).resolve().parents[2].parent / "shared" / "clips" / "wild"
NAMES = ("edtalk_mouth_source", "styletalk_feifeili_clip1", "styletalk_reagan_clip1")


def recording(name: str, frames: int) -> Clip:
    pixels = ["-frames:v", str(frames), "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"]
    data = bytearray(ffmpeg.run(["-i", str(CLIPS / f"{name}.mkv"), *pixels]))
    video = torch.frombuffer(data, dtype=torch.uint8).view(-1, 256, 256, 3).permute(0, 3, 1, 2).contiguous()
    return Clip(ClipSpec(len(video), 256, 256, Fraction(25), 0, 16000, 1), video, torch.zeros((1, 0)))


def psnr(first: torch.Tensor, second: torch.Tensor) -> float:
    error = (first.float() - second.float()).square().flatten(1).mean(dim=1)
    return float((10 * torch.log10(255**2 / error)).mean())


def measure(variant: str, clips: list[Clip]) -> list[list[tuple[float, float]]]:
    """(kbit/s, dB) per clip and point; prints the mean of each point over the clips."""
    name, _, changes = variant.partition(":")
    codec = registry.codec(name).load("cpu")
    replaced = dict(change.split("=") for change in changes.split(",") if change)
    curves: list[list[tuple[float, float]]] = [[] for _ in clips]
    print(f"\n{variant}\n| point | kbit/s | dB | headers, keyframe, inter (bytes) | s/s |")
    print("|---|---|---|---|---|")
    for point in codec.points:
        point = Point(point.name, {**point.params, **replaced})
        seconds, parts = 0.0, []
        for clip, curve in zip(clips, curves, strict=True):
            start = time.perf_counter()
            stream = codec.encode(clip, point)
            seconds += time.perf_counter() - start
            parts.append([len(part.payload) for part in stream.parts])
            decoded = codec.decode(stream, clip.spec)
            curve.append((stream.bits() / 1000 / clip.spec.duration_s, psnr(clip.video, decoded.video)))
        rate, quality = (statistics.mean(curve[-1][axis] for curve in curves) for axis in (0, 1))
        sizes = ", ".join(f"{statistics.mean(column):.0f}" for column in zip(*parts, strict=True))
        length = sum(clip.spec.duration_s for clip in clips)
        print(f"| {point.name} | {rate:.2f} | {quality:.2f} | {sizes} | {seconds / length:.2f} |", flush=True)
    return curves


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("codecs", nargs="*", default=["vvc", "vvc-ra", "hevc", "av1"])
    parser.add_argument("--frames", type=int, default=75)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    clips = [recording(name, arguments.frames) for name in NAMES]
    anchor = None
    for variant in arguments.codecs:
        curves = measure(variant, clips)
        anchor = anchor or curves
        changes = []
        for ours, theirs in zip(curves, anchor, strict=True):
            before, after = ([list(axis) for axis in zip(*curve, strict=True)] for curve in (theirs, ours))
            changes.append(
                bjontegaard.bd_rate(
                    *before, *after, method="pchip", require_matching_points=False, min_overlap=0
                )
            )
        each = ", ".join(f"{change:+.1f}" for change in changes)
        print(
            f"BD-rate against {arguments.codecs[0]}: {statistics.mean(changes):+.1f} % ({each})", flush=True
        )


if __name__ == "__main__":
    main()

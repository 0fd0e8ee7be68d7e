"""Bits of the two motion profiles for the same integers: what `context` saves of `jvet`; prints ratios.

    python tests/speed/motion_profiles.py [--clips 4] [--seconds 5] [--codecs fomm-synthetic,dac-synthetic,…]

Clips are of the test split of the embedded dataset, rendered once into the cache. Seconds are of packing.
"""

from __future__ import annotations

import argparse
import time


def main() -> None:
    """Measure and print."""
    import torch
    from talkbench.benchmark.api import registry
    from talkbench.benchmark.util.files import cache_folder
    from talkbench.codecs._face import face_stream, motion_coding
    from talkbench.codecs._face.face_codec import FaceCodec
    from talkbench.codecs._face.face_stream import Setting
    from talkbench.datasets.synthetic import Options, kept_clips

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--clips", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--codecs", default="fomm-synthetic,cfte-synthetic,dac-synthetic")
    options = parser.parse_args()
    torch.set_num_threads(1)
    wanted = Options(clips=options.clips, seconds=options.seconds)
    folder = cache_folder() / "training" / "test-clips"
    clips = [kept_clips.fetch(folder, wanted, index).only("video") for index in range(options.clips)]
    duration = sum(clip.spec.duration_s for clip in clips)
    for name in options.codecs.split(","):
        codec = registry.codec(name).load("cpu")
        assert isinstance(codec, FaceCodec)
        point = codec.points[-1]
        bits = dict.fromkeys(motion_coding.PROFILES, 0)
        seconds = dict.fromkeys(motion_coding.PROFILES, 0.0)
        for clip in clips:
            stream = codec.encode(clip, point)
            setting, _ = Setting.read(stream["headers"])
            groups = face_stream.unpack(stream, clip.spec, setting, codec.model.parameters_per_frame)
            for profile in motion_coding.PROFILES:
                began = time.perf_counter()
                bits[profile] += 8 * len(motion_coding.pack(list(groups), profile))
                seconds[profile] += time.perf_counter() - began
        kbps = {profile: total / 1000 / duration for profile, total in bits.items()}
        spent = ", ".join(f"{profile} {value / duration:.3f}" for profile, value in seconds.items())
        rates = f"context {kbps['context']:.3f}, jvet {kbps['jvet']:.3f} kbit/s"
        saved = 1 - kbps["context"] / kbps["jvet"]
        print(f"{name:16} step {point.params['step']}: {rates}, saved {saved:.1%}", flush=True)
        print(f"{'':16} seconds of packing a second of video: {spent}", flush=True)


if __name__ == "__main__":
    main()

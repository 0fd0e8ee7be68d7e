"""What preparation cannot keep of a recording is handled or said."""

from __future__ import annotations

import subprocess
from fractions import Fraction

import imageio_ffmpeg
import numpy as np
import pytest
from talkbench.benchmark.util.errors import DatasetError
from talkbench.datasets._preparation import Settings, prepare

from .conftest import speechlike
from .test_folder_picture import arrow

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
PLAIN = Settings(size=72, crop="none")
PCM = ("pcm_s16le", 16000, "stereo")


def ffmpeg(*arguments: object) -> bytes:
    return subprocess.run(
        [FFMPEG, "-y", "-v", "error", *map(str, arguments)], check=True, capture_output=True
    ).stdout


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
@pytest.mark.parametrize("flips", [["-display_hflip"], ["-display_vflip"]])
def test_mirrored_recordings_are_seen_as_a_player_shows_them(film, tmp_path, degrees, flips):
    made = film(name="flat.mp4", size=(320, 180), paint=arrow, seconds=0.2, sound=None)
    turned = tmp_path / "turned.mp4"
    ffmpeg("-display_rotation", degrees, *flips, "-i", made.path, "-c", "copy", turned)
    clip, note = prepare(turned, Settings(size=180, crop="none"))
    width, height = (180, 320) if degrees % 180 else (320, 180)
    seen = ffmpeg("-i", turned, "-frames:v", 1, "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
    expected = np.frombuffer(seen, np.uint8).reshape(height, width, 3).astype(int)
    assert np.abs(clip.video[0].permute(1, 2, 0).numpy() - expected).mean() < 2
    assert note == "no sound"


def test_a_slant_is_said(film, tmp_path):
    made = film(name="flat.mp4", size=(64, 64), seconds=0.2, sound=None)
    ffmpeg("-display_rotation", 30, "-i", made.path, "-c", "copy", tmp_path / "slant.mp4")
    assert "turned to the nearest one" in prepare(tmp_path / "slant.mp4", PLAIN)[1]


@pytest.mark.parametrize(
    ("balance", "gain", "said"), [((1, -1), 1, True), ((1, -0.9), 1, True), ((1, 0), 0.5, False)]
)
def test_channels_of_opposite_phase_do_not_become_silence(film, balance, gain, said):
    clip, note = prepare(film(name="a.mkv", sound=PCM, balance=balance, seconds=1).path, PLAIN)
    assert np.abs(clip.audio[0].numpy() - gain * speechlike(1, 16000)).max() < 1e-3
    assert ("only the first is used" in note) is said


@pytest.mark.parametrize(("name", "shift"), [("a.mkv", 7), ("b.mkv", 0.4)])
def test_matroska_that_does_not_start_at_zero_ends_when_it_says(film, tmp_path, name, shift):
    made = film(name=name, seconds=1.0)
    ffmpeg("-i", made.path, "-c", "copy", "-output_ts_offset", shift, tmp_path / "late.mkv")
    clip, note = prepare(tmp_path / "late.mkv", PLAIN)
    assert (clip.spec.frames, note) == (25, "")


def test_sound_that_ends_early_is_said(film):
    made = film(name="a.mkv", sound=PCM, seconds=2.0, sound_seconds=1.0)
    assert prepare(made.path, PLAIN)[1] == "sound ends 1.00 s before the pictures"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-vf", "setfield=tff,interlace", "-c:v", "mpeg2video", "-flags", "+ilme+ildct"], "interlaced"),
        (["-c:v", "ffv1", "-pix_fmt", "yuv420p10le"], "10-bit colour"),
        (["-c:v", "ffv1", "-pix_fmt", "bgra"], "transparency"),
        (["-vf", "setparams=color_primaries=bt2020", "-c:v", "ffv1"], "wide colour gamut"),
        (["-vf", "setparams=color_trc=arib-std-b67", "-c:v", "ffv1"], "high dynamic range"),
        (["-map", "0", "-map", "0:a", "-c:v", "copy"], "2 sound tracks"),
        (["-map", "0", "-map", "0:v", "-c:v", "copy"], "2 video tracks"),
    ],
)
def test_what_is_not_kept_is_said(film, tmp_path, arguments, words):
    made = film(name="a.mkv", size=(64, 64), seconds=0.4, sound=PCM)
    ffmpeg("-i", made.path, *arguments, tmp_path / "b.mkv")
    assert words in prepare(tmp_path / "b.mkv", PLAIN)[1]
    assert prepare(made.path, PLAIN)[1] == ""


def test_a_change_of_size_is_said(film, tmp_path):
    streams = [
        film(name=f"{side}.mpg", codec="mpeg2video", size=(side, side), seconds=0.4, sound=None).path
        for side in (64, 96)
    ]
    raw = []
    for path in streams:
        ffmpeg("-i", path, "-c", "copy", "-f", "mpeg2video", path.with_suffix(".m2v"))
        raw.append(path.with_suffix(".m2v").read_bytes())
    both = tmp_path / "both.mpg"
    both.write_bytes(b"".join(raw))
    assert "pictures of 64x64, 96x96: all are scaled to the first" in prepare(both, PLAIN)[1]


@pytest.mark.parametrize("aspect", [Fraction(100), Fraction(1, 90)])
def test_absurd_pixels_are_refused(film, aspect):
    made = film(name="a.mov", codec="mjpeg", pixels="yuvj420p", size=(64, 64), seconds=0.2, sound=None)
    wide = made.path.with_name("wide.mkv")
    ffmpeg("-i", made.path, "-vf", f"setsar={aspect.numerator}/{aspect.denominator}", "-c:v", "mjpeg", wide)
    with pytest.raises(DatasetError, match=r"aspect ratio .* at most 16 to 1"):
        prepare(wide, PLAIN)

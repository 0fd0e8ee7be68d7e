"""Pictures and sound stay together, whatever container, rate or offset they come in."""

from __future__ import annotations

import re
from fractions import Fraction

import numpy as np
import pytest
from talkbench.benchmark.util.errors import DatasetError
from talkbench.datasets._preparation import Settings, nearest, prepare

from .conftest import lag, number_of, speechlike

HALF_A_FRAME = 0.020
PLAIN = Settings(size=72, crop="none")
H264, MPEG4, MPEG2 = "libx264", "mpeg4", "mpeg2video"
NTSC, PAL_LATE = Fraction(30000, 1001), Fraction(18, 25)

RECORDINGS = {
    "24 fps mp4, stereo 48 kHz": {"name": "a.mp4", "fps": 24},
    "25 fps mp4": {"name": "a.mp4"},
    "30 fps mp4, B-frames": {"name": "a.mp4", "fps": 30, "options": {"bf": "3"}},
    "60 fps mp4": {"name": "a.mp4", "fps": 60},
    "29.97 fps mov, PCM": {"name": "a.mov", "fps": NTSC, "sound": ("pcm_s16le", 44100, "stereo")},
    "50 fps mkv, Opus": {"name": "a.mkv", "fps": 50, "sound": ("libopus", 48000, "mono")},
    "MPEG-1 mpg": {"name": "a.mpg", "codec": "mpeg1video", "sound": ("mp2", 44100, "stereo")},
    "29.97 fps MPEG-2 mpg, B-frames": {
        "name": "a.mpg", "codec": MPEG2, "fps": NTSC, "options": {"bf": "2"}, "sound": ("mp2", 48000, "mono"),
    },
    "30 fps avi, 8 kHz": {"name": "a.avi", "codec": MPEG4, "fps": 30, "sound": ("pcm_s16le", 8000, "mono")},
    "avi, MPEG-4 B-frames": {
        "name": "a.avi", "codec": MPEG4, "options": {"bf": "2"}, "sound": ("pcm_s16le", 16000, "mono"),
    },
    "avi, H.264 B-frames": {
        "name": "a.avi", "options": {"bf": "3"}, "sound": ("pcm_s16le", 22050, "stereo"),
    },
    "webm": {"name": "a.webm", "codec": "libvpx", "sound": ("libopus", 48000, "stereo")},
    "sound 0.5 s late, mp4": {"name": "a.mp4", "sound_start": Fraction(1, 2)},
    "sound 0.5 s late, mov": {"name": "a.mov", "sound_start": Fraction(1, 2)},
    "sound 0.5 s late, mkv": {
        "name": "a.mkv", "sound_start": Fraction(1, 2), "sound": ("pcm_s16le", 16000, "mono"),
    },
    "sound 0.5 s late, mpg": {
        "name": "a.mpg", "codec": MPEG2, "sound_start": Fraction(1, 2), "sound": ("mp2", 48000, "mono"),
    },
    "pictures 0.72 s late, mp4": {"name": "a.mp4", "video_start": PAL_LATE},
    "pictures 0.72 s late, mkv": {"name": "a.mkv", "video_start": PAL_LATE},
    "pictures 0.72 s late, mpg": {
        "name": "a.mpg", "codec": MPEG2, "video_start": PAL_LATE, "sound": ("mp2", 48000, "mono"),
    },
    "odd size": {"name": "a.mp4", "size": (321, 241), "pixels": "yuv444p"},
}  # fmt: skip


@pytest.mark.parametrize("recording", RECORDINGS.values(), ids=RECORDINGS.keys())
def test_each_picture_meets_its_sound(film, recording):
    if recording.get("codec") == "libvpx":
        recording = recording | {"options": {"deadline": "realtime", "cpu-used": "8"}}
    made = film(**recording)

    clip, note = prepare(made.path, PLAIN)

    late = float(made.sound_start - made.times[0])
    assert bool(re.search(r"sound begins 0\.(4[5-9]|50) s after", note)) is (late > 0.25)
    assert ("sound ends 0.7" in note) is (late < -0.25)
    assert note.count("; ") == 0
    assert (note == "") is (abs(late) < 0.25)
    assert clip.spec.fps == 25
    assert clip.spec.frames == 50
    assert (clip.spec.samples, clip.spec.sample_rate, clip.spec.channels) == (32000, 16000, 1)
    # The sound as it was at the moment of the first picture; negative where it had not begun.
    sound = clip.audio[0].numpy()
    ahead = round((made.times[0] - made.sound_start) * 16000)
    noise = speechlike(2.0, 16000)
    expected = noise[ahead:] if ahead >= 0 else np.pad(noise, (-ahead, 0))
    late = lag(sound, expected) / 16000
    assert abs(late) < 0.002
    overlap = min(len(sound), len(expected)) - 800
    assert np.corrcoef(sound[:overlap], np.roll(expected, round(late * 16000))[:overlap])[0, 1] > 0.9
    for k, picture in enumerate(clip.video.numpy()):
        pictured = made.times[number_of(picture)] - made.times[0]
        period = made.times[1] - made.times[0]
        limit = max(HALF_A_FRAME, float(period / 2) + 0.0005)
        assert abs(float(pictured - Fraction(k, 25)) + late) <= limit + 0.001, f"picture {k}"


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_variable_frame_rate_shows_each_picture_in_its_time(film, name):
    steps = np.random.default_rng(1).choice([7, 16, 33, 34, 50, 100, 400], 40)
    times = [Fraction(int(ms), 1000) for ms in np.cumsum([0, *steps])]
    made = film(name=name, fps=times, seconds=4.0)

    clip, _ = prepare(made.path, PLAIN)

    assert abs(lag(clip.audio[0].numpy(), speechlike(4.0, 16000))) < 32
    for k, picture in enumerate(clip.video.numpy()):
        now, shown = Fraction(k, 25), number_of(picture)
        assert times[shown] - now <= Fraction(1, 50), f"picture {k} is shown too early"
        if shown + 1 < len(times):
            assert times[shown + 1] - now >= Fraction(-1, 50), f"picture {k} is shown too long"


def test_a_flash_is_seen_when_its_beep_is_heard(film):
    def flash(number: int, width: int, height: int) -> np.ndarray:
        return np.full((height, width, 3), 235 if number in (30, 31, 32) else 20, np.uint8)

    made = film(name="flash.mp4", fps=30, paint=flash, sound=("aac", 44100, "stereo"))
    clip, _ = prepare(made.path, PLAIN)

    bright = clip.video.float().mean((1, 2, 3)).numpy() > 128
    assert np.flatnonzero(bright).tolist() == [25, 26, 27]  # 1.00 to 1.10 s, the nearest of 30 fps
    around = speechlike(2.0, 16000)[15200:16800]
    heard = 15200 + lag(clip.audio[0, 15200:16800].numpy(), around)
    assert abs(heard / 16000 - (15200 / 16000)) < HALF_A_FRAME


def test_nearest_picks_the_nearest_but_never_early():
    every_40 = [Fraction(k, 25) for k in range(10)]
    assert nearest(every_40, Fraction(10, 25), Fraction(25)) == list(range(10))
    shifted = [time + 3 for time in every_40]
    assert nearest(shifted, Fraction(10, 25), Fraction(25)) == list(range(10))
    long_hold = [Fraction(0), Fraction(2)]
    assert nearest(long_hold, Fraction(51, 25), Fraction(25)) == [0] * 50 + [1]
    assert nearest([Fraction(0)], Fraction(1, 25), Fraction(25)) == [0]
    assert nearest([Fraction(0), Fraction(1, 100)], Fraction(1, 1000), Fraction(25)) == [0]


def test_no_sound_is_no_sound(film):
    clip, note = prepare(film(name="a.mp4", sound=None).path, PLAIN)
    assert note == "no sound"
    assert clip.spec.samples == 0
    assert clip.audio.shape == (1, 0)


def test_sound_shorter_than_the_pictures_is_followed_by_silence(film):
    made = film(name="a.mkv", sound=("pcm_s16le", 16000, "mono"), sound_seconds=1.0)
    sound = prepare(made.path, PLAIN)[0].audio[0].numpy()
    assert len(sound) == 32000
    assert np.abs(sound[16000:]).max() == 0
    assert np.abs(sound[:16000] - speechlike(1.0, 16000)).max() < 1e-4


def test_stereo_becomes_its_mean(film):
    made = film(name="a.mkv", sound=("pcm_s16le", 16000, "stereo"), balance=(1.0, 0.5))
    sound = prepare(made.path, PLAIN)[0].audio[0].numpy()
    assert np.abs(sound - 0.75 * speechlike(2.0, 16000)).max() < 1e-3


def test_max_seconds_keeps_the_beginning(film):
    made = film(name="a.mp4", sound=("aac", 48000, "mono"))
    whole, _ = prepare(made.path, PLAIN)
    half, note = prepare(made.path, Settings(size=72, crop="none", max_seconds=1.0))
    assert note == ""
    assert (half.spec.frames, half.spec.samples) == (25, 16000)
    assert (half.video == whole.video[:25]).all()
    assert (half.audio - whole.audio[:, :16000])[:, :15900].abs().max() < 1e-4


@pytest.mark.parametrize(("fps", "rate"), [(Fraction(30000, 1001), 22050), (Fraction(50), 48000)])
def test_other_rates(film, fps, rate):
    clip, _ = prepare(film(name="a.mp4").path, Settings(size=72, fps=fps, sample_rate=rate, crop="none"))
    assert clip.spec.frames == round(2 * fps)
    assert clip.spec.samples == round(clip.spec.frames / fps * rate)
    for k, picture in enumerate(clip.video.numpy()):
        begins, ends = number_of(picture) / 25, (number_of(picture) + 1) / 25
        assert begins - 1 / fps / 2 <= k / fps <= ends + 1 / fps / 2


def test_a_recording_that_would_not_fit_is_refused(film):
    made = film(name="a.mkv", fps=[Fraction(5 * k) for k in range(20)], sound=None)
    with pytest.raises(DatasetError, match="max_seconds"):
        prepare(made.path, Settings(size=2048, fps=Fraction(60), crop="centre"))


def test_broken_time_stamps_do_not_make_hours_of_one_picture(film):
    made = film(name="a.mkv", fps=[Fraction(0), Fraction(1, 25), Fraction(4000)], sound=None)
    with pytest.raises(DatasetError, match="no new picture for 4000 s"):
        prepare(made.path, PLAIN)
    kept, _ = prepare(made.path, Settings(size=72, crop="none", max_seconds=0.08))
    assert kept.spec.frames == 2

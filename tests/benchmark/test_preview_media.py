"""Pictures, sounds and mel pictures of previews against what they were made from."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile
import torch
from PIL import Image
from talkbench.benchmark.api.types import Clip, ClipSpec
from talkbench.benchmark.media import ffmpeg
from talkbench.benchmark.stages import preview_media
from talkbench.benchmark.util.errors import Unavailable
from torch.nn.functional import interpolate
from transformers.audio_utils import mel_filter_bank, spectrogram


def clip_of(video: torch.Tensor | None = None, audio: torch.Tensor | None = None, rate: int = 16000) -> Clip:
    video = torch.zeros((0, 3, 0, 0), dtype=torch.uint8) if video is None else video
    audio = torch.zeros((1, 0)) if audio is None else audio
    frames, _, height, width = video.shape
    spec = ClipSpec(frames, height, width, Fraction(25), audio.shape[1], rate, audio.shape[0])
    return Clip(spec, video, audio)


def moving(frames: int, height: int, width: int) -> torch.Tensor:
    """Smooth pictures, each unlike the others, uint8."""
    random = torch.manual_seed(frames + height)
    some = 0.6 * torch.rand((1, 3, 5, 5), generator=random)
    some = some + 0.3 * torch.rand((frames, 3, 5, 5), generator=random)
    return (255 * interpolate(some, (height, width), mode="bicubic").clamp(0, 1)).byte()


def frames_of(detail: dict[str, Any], files: dict[str, bytes]) -> np.ndarray:
    """All frames, drawn as a page draws them: number n from its place in its sheet. (T, h, w, 3)"""
    sheets = [np.asarray(Image.open(io.BytesIO(files[name])).convert("RGB")) for name in detail["sheets"]]
    found = []
    for number in range(detail["frames"]):
        sheet, place = divmod(number, detail["per_sheet"])
        row, column = divmod(place, detail["columns"])
        y, x = row * detail["height"], column * detail["width"]
        found.append(sheets[sheet][y : y + detail["height"], x : x + detail["width"]])
    return np.stack(found)


def psnr(first: np.ndarray, second: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((first.astype(float) - second.astype(float)) ** 2)))


@pytest.mark.parametrize(
    ("frames", "height", "width", "per_sheet", "sheets"),
    [
        (1, 48, 48, 42, 1),
        (70, 256, 256, 64, 2),
        (5, 49, 65, 205, 1),
        (130, 255, 256, 64, 3),
        (3, 64, 256, 96, 1),
    ],
)
def test_each_frame_lies_in_its_place(
    frames: int, height: int, width: int, per_sheet: int, sheets: int
) -> None:
    video = moving(frames, height, width)
    detail, files = preview_media.pictures(clip_of(video))
    assert (detail["frames"], detail["height"], detail["width"]) == (frames, height, width)
    assert detail["fps"] == 25.0
    assert detail["per_sheet"] == per_sheet
    assert detail["sheets"] == sorted(files)
    assert len(files) == sheets
    shown = frames_of(detail, files)
    assert shown.shape == (frames, height, width, 3)
    original = video.permute(0, 2, 3, 1).numpy()
    for number in range(frames):
        few = shown[number, ::9, ::9].astype(float)
        nearest = np.square(original[:, ::9, ::9] - few).mean(axis=(1, 2, 3)).argmin()
        assert nearest == number
        assert psnr(shown[number], original[number]) > 32


@pytest.mark.parametrize(
    ("height", "width", "small"),
    [(512, 512, (256, 256)), (288, 360, (205, 256)), (720, 300, (256, 107)), (3, 1000, (1, 256))],
)
def test_large_pictures_are_made_smaller(height: int, width: int, small: tuple[int, int]) -> None:
    video = moving(2, height, width)
    detail, files = preview_media.pictures(clip_of(video))
    assert (detail["height"], detail["width"]) == small
    wanted = interpolate(video.float(), small, mode="area").permute(0, 2, 3, 1).numpy()
    assert psnr(frames_of(detail, files), wanted) > 34


def test_no_pictures() -> None:
    detail, files = preview_media.pictures(clip_of(audio=torch.zeros((1, 10))))
    assert files == {}
    assert detail["sheets"] == []
    assert (detail["frames"], detail["width"], detail["height"]) == (0, 0, 0)


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000, 11025])
@pytest.mark.parametrize(("channels", "samples"), [(1, 40000), (2, 12345), (1, 1), (6, 5000), (8, 100)])
def test_flac_is_the_rounding_to_16_bits(rate: int, channels: int, samples: int) -> None:
    audio = 2 * torch.rand((channels, samples), generator=torch.manual_seed(samples)) - 1
    audio[0, 0] = 1.0
    detail, files = preview_media.sound(clip_of(audio=audio, rate=rate))
    assert (detail["sample_rate"], detail["samples"], detail["channels"]) == (rate, samples, channels)
    wanted = (audio.double() * 32768).round().clamp(-32768, 32767).to(torch.int16).T.numpy()
    heard, found_rate = soundfile.read(io.BytesIO(files["sound.flac"]), dtype="int16", always_2d=True)
    assert found_rate == rate
    assert np.array_equal(heard, wanted)
    with av.open(io.BytesIO(files["sound.flac"]), "r") as container:
        stream = container.streams.audio[0]
        pieces = [frame.to_ndarray() for frame in container.decode(stream)]
    again = np.concatenate([piece.reshape(-1, channels) for piece in pieces])
    assert np.array_equal(again, wanted)


def test_sound_of_too_many_channels() -> None:
    with pytest.raises(Unavailable, match="8 channels, and the sound has 9"):
        preview_media.sound(clip_of(audio=torch.zeros((9, 100))))


def test_no_sound() -> None:
    detail, files = preview_media.sound(clip_of(moving(1, 8, 8)))
    assert files == {}
    assert detail["sound"] is detail["mel"] is None
    assert detail["samples"] == 0


def speech_like(seconds: float, rate: int) -> torch.Tensor:
    """A gliding buzz with pauses and breath, (1, N)."""
    time = torch.arange(round(seconds * rate)) / rate
    phase = 2 * torch.pi * (120 * time + 20 * torch.sin(2 * time))
    buzz = torch.stack([torch.sin(k * phase) / k for k in range(1, 40)]).sum(dim=0)
    voiced = (torch.sin(2 * torch.pi * 3 * time) > 0).float()
    breath = torch.randn(len(time), generator=torch.manual_seed(3))
    return (0.1 * buzz * voiced + 0.001 * breath)[None].float()


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
def test_mel_is_what_another_library_computes(rate: int) -> None:
    """The same definition in the words of transformers: frames by hand, its filters of height 1."""
    audio = speech_like(1.0, rate)
    window, size, hop = rate // 40, 2 << (rate // 40 - 1).bit_length(), rate // 100
    filters = mel_filter_bank(1 + size // 2, 80, 0, min(8000, rate / 2), rate, norm=None, mel_scale="slaney")
    taper = np.hanning(window + 1)[:-1]
    # Its frames begin at whole hops; ours have their middle in the middle of a hop.
    begin = hop // 2 - window // 2
    signal = np.pad(audio[0].numpy().astype(np.float64), (-begin, window))
    bands = spectrogram(
        signal, taper, window, hop, size, 2.0, center=False, mel_filters=filters, mel_floor=1e-30
    )
    wanted = 10 * np.log10(bands.astype(np.float64) * 4 / (size * np.square(taper).sum()))
    found = preview_media.mel_db(audio, rate)
    assert found.shape == (80, 100)
    assert np.abs(found - wanted[:, :100]).max() < 0.01


@pytest.mark.parametrize("hertz", [150, 440, 1000, 3333, 7000])
def test_a_sine_of_full_scale_has_0_db_at_its_height(hertz: int) -> None:
    time = torch.arange(16000) / 16000
    bands = preview_media.mel_db(torch.sin(2 * torch.pi * hertz * time)[None], 16000)[:, 10:-10]
    assert 10 * np.log10((10 ** (bands / 10)).sum(axis=0)) == pytest.approx(0.0, abs=0.1)
    from talkbench.benchmark.media.mel import mel_edges

    middles = mel_edges(8000, 80)[1:-1]
    assert abs(int(bands.mean(axis=1).argmax()) - int(np.abs(middles - hertz).argmin())) <= 1


def grey(audio: torch.Tensor, rate: int = 16000) -> np.ndarray:
    detail, files = preview_media.sound(clip_of(audio=audio, rate=rate))
    picture = Image.open(io.BytesIO(files[detail["mel"]]))
    assert picture.mode == "L"
    return np.asarray(picture)


def test_the_mel_picture() -> None:
    audio = speech_like(1.234, 16000)
    picture = grey(audio)
    assert picture.shape == (80, 124)
    detail, _ = preview_media.sound(clip_of(audio=audio))
    shown = detail["mel_floor_db"] + picture / 255 * (detail["mel_top_db"] - detail["mel_floor_db"])
    bands = preview_media.mel_db(audio, 16000)[::-1].clip(detail["mel_floor_db"], detail["mel_top_db"])
    assert np.abs(shown - bands).max() < 0.16  # half a step of grey
    assert grey(torch.zeros((1, 800))).max() == 0
    # Low frequencies are at the bottom.
    low = torch.sin(2 * torch.pi * 100 * torch.arange(8000) / 16000)
    assert grey(0.1 * low[None]).mean(axis=1).argmax() >= 77
    # A click is in the column of its time.
    click = torch.zeros((1, 16000))
    click[0, 5 * 160 + 80] = 1.0
    assert grey(click).mean(axis=0).argmax() == 5
    # Both channels are heard, at any rate, and any length of sound has a picture.
    assert np.array_equal(grey(torch.cat([audio, audio])), picture)
    assert grey(torch.zeros((2, 1)), 44100).shape == (80, 1)
    assert grey(speech_like(0.5, 44100), 44100).shape == (80, 50)


def test_equal_clips_give_equal_files() -> None:
    clip = clip_of(moving(9, 100, 80), speech_like(0.36, 16000))
    for make in (preview_media.pictures, preview_media.sound):
        assert make(clip) == make(clip)


def test_the_mouth_of_a_rendered_speaker() -> None:
    from talkbench.benchmark.api.registry import dataset

    source = dataset("synthetic").load(clips=1, seconds=2.0)
    clip = source.prepare(source.items()[0]).clip
    square = preview_media.mouth(clip)
    assert square is not None
    assert_holds_the_mouth(clip, square)


@pytest.mark.parametrize("name", ["grid/bbaf2n.mpg", "wild/edtalk_mouth_source.mkv"])
def test_the_mouth_of_a_real_speaker(name: str, shared: Path) -> None:
    options = ["-r", "5", "-frames:v", "9", "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"]
    size = (288, 360) if name.startswith("grid") else (256, 256)
    data = ffmpeg.run(["-i", str(shared / "clips" / name), *options])
    video = torch.frombuffer(bytearray(data), dtype=torch.uint8).view(-1, *size, 3).permute(0, 3, 1, 2)
    clip = clip_of(video.contiguous())
    square = preview_media.mouth(clip)
    assert square is not None
    assert_holds_the_mouth(clip, square)


def assert_holds_the_mouth(clip: Clip, square: list[int]) -> None:
    """All landmarks of the mouth lie in the square, in all frames, and it is not much larger than needed."""
    from talkbench.benchmark import weights
    from talkbench.metrics.avs.mouth import Tracker

    if weights.missing(["dlib-shape-68"]):
        pytest.skip("dlib's 68 landmarks are not here; run `talkbench weights fetch dlib-shape-68`")
    points = Tracker(weights.path("dlib-shape-68")).track(clip.video)[:, 48:]
    points = points * preview_media.preview_size(clip.spec.height, clip.spec.width)[1] / clip.spec.width
    x, y, width, height = square
    assert width == height
    low, high = points.min(axis=(0, 1)), points.max(axis=(0, 1))
    assert (low > (x, y)).all()
    assert (high < (x + width, y + height)).all()
    assert width < 3 * (high - low).max()


def test_no_mouth_where_there_is_no_face() -> None:
    assert preview_media.mouth(clip_of(moving(4, 128, 128))) is None
    assert preview_media.mouth(clip_of(audio=torch.zeros((1, 10)))) is None

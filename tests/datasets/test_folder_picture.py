"""Pictures come out in true colours, upright, square-pixelled, and cut to the head."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image
from talkbench.benchmark.api.types import Clip
from talkbench.benchmark.media.faces import HEAD, Box, FaceFinder, head_square, square
from talkbench.datasets._preparation import Settings, prepare

KR_KB = {"601": (0.299, 0.114), "709": (0.2126, 0.0722), "2020": (0.2627, 0.0593)}
BT709, UNTAGGED, BT601, BT2020 = 1, 2, 6, 9
LIMITED, FULL = 1, 2
RNG = np.random.default_rng(3)


def yuv_to_rgb(yuv: np.ndarray, matrix: str, full: bool) -> np.ndarray:
    """The definition of ITU-R BT.601/709/2020, in floats: (..., 3) codes to (..., 3) in 0..255."""
    kr, kb = KR_KB[matrix]
    scale = np.array([255, 255, 255] if full else [219, 224, 224])
    y, cb, cr = np.moveaxis((yuv - np.array([0 if full else 16, 128, 128])) / scale, -1, 0)
    red, blue = y + 2 * (1 - kr) * cr, y + 2 * (1 - kb) * cb
    green = (y - kr * red - kb * blue) / (1 - kr - kb)
    return np.clip(255 * np.stack([red, green, blue], -1), 0, 255)


def patches(path: Path, height: int, tag: int, colour_range: int, codec: str = "ffv1") -> np.ndarray:
    """Writes a lossless recording of 4 x 4 flat patches; returns their YUV codes, int (4, 4, 3)."""
    codes = np.stack([RNG.integers(40, 210, (4, 4)), *RNG.integers(100, 156, (2, 4, 4))], -1)
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width = stream.height = height
        stream.pix_fmt = "yuv420p"
        stream.codec_context.colorspace, stream.codec_context.color_range = tag, colour_range
        frame = av.VideoFrame(height, height, "yuv420p")
        frame.colorspace, frame.color_range = tag, colour_range
        for plane, code in zip(frame.planes, np.moveaxis(codes, -1, 0), strict=True):
            data = np.zeros((plane.height, plane.line_size), np.uint8)
            data[:, : plane.width] = np.kron(code, np.ones((plane.height // 4, plane.width // 4)))
            plane.update(data.tobytes())
        for k in range(2):
            frame.pts = k
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return codes


@pytest.mark.parametrize(
    ("height", "tag", "colour_range", "matrix", "full"),
    [
        (256, UNTAGGED, 0, "601", False),
        (768, UNTAGGED, 0, "709", False),
        (256, BT709, LIMITED, "709", False),
        (768, BT601, LIMITED, "601", False),
        (256, BT709, FULL, "709", True),
        (256, BT2020, LIMITED, "2020", False),
    ],
)
def test_colours_follow_the_tags(tmp_path, height, tag, colour_range, matrix, full):
    codes = patches(tmp_path / "a.mkv", height, tag, colour_range)
    clip, _ = prepare(tmp_path / "a.mkv", Settings(crop="centre"))
    middles = clip.video[0].permute(1, 2, 0).numpy()[32::64, 32::64]
    assert np.abs(middles - yuv_to_rgb(codes, matrix, full)).max() <= 1.5


def test_rgb_recordings_keep_their_values(film):
    made = film(name="a.mkv", codec="ffv1", pixels="bgr0", size=(256, 256), sound=None)
    clip, _ = prepare(made.path, Settings(crop="centre"))
    assert set(np.unique(clip.video[5].numpy())) == {40, 210}


def arrow(number: int, width: int, height: int) -> np.ndarray:
    """A picture that looks different from every side."""
    picture = np.full((height, width, 3), 60, np.uint8)
    picture[: height // 3, : width // 4] = (220, 30, 30)
    picture[height // 2 :, -width // 5 :] = (30, 220, 30)
    return picture


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_portrait_recordings_are_turned_upright(film, tmp_path, degrees):
    made = film(name="flat.mp4", size=(320, 180), paint=arrow, seconds=0.4, sound=None)
    turned, ffmpeg = tmp_path / "turned.mp4", imageio_ffmpeg.get_ffmpeg_exe()
    tag = ["-display_rotation", str(degrees), "-i", made.path, "-c", "copy", turned]
    subprocess.run([ffmpeg, "-v", "error", *tag], check=True)

    clip, _ = prepare(turned, Settings(size=180, crop="none"))

    width, height = (180, 320) if degrees % 180 else (320, 180)
    assert tuple(clip.video.shape[1:]) == (3, height, width)
    raw = [ffmpeg, "-v", "error", "-i", turned, "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    seen = subprocess.run(raw, check=True, capture_output=True).stdout  # ffmpeg turns by itself
    expected = np.frombuffer(seen, np.uint8).reshape(height, width, 3).astype(int)
    assert np.abs(clip.video[0].permute(1, 2, 0).numpy() - expected).mean() < 2


def test_pixels_become_square(film):
    made = film(name="a.mkv", size=(160, 240), sample_aspect_ratio=Fraction(2), paint=arrow, sound=None)
    clip, _ = prepare(made.path, Settings(size=120, crop="none"))
    assert tuple(clip.video.shape[2:]) == (120, 160)


def test_odd_sizes_and_centre_crop(film):
    made = film(name="a.mkv", codec="ffv1", pixels="bgr0", size=(321, 241), paint=arrow, sound=None)
    clip, _ = prepare(made.path, Settings(size=241, crop="centre"))
    assert (clip.video[0].permute(1, 2, 0).numpy() == arrow(0, 321, 241)[:, 40:281]).all()


def test_no_face_is_said(film):
    made = film(name="a.mp4", seconds=0.4)
    by_face, note = prepare(made.path, Settings(size=64))
    by_centre, silent = prepare(made.path, Settings(size=64, crop="centre"))
    assert "no face found in" in note
    assert "centre crop" in note
    assert silent == ""
    assert (by_face.video == by_centre.video).all()


def test_a_small_source_is_said(film):
    note = prepare(film(name="a.mp4", size=(100, 80), sound=None).path, Settings(crop="centre"))[1]
    assert "enlarged from 80 to 256 pixels" in note


def test_1080p_is_never_held_whole(tmp_path):
    """Peak memory does not grow with the length: 30 pictures more would be 180 MB of RGB."""
    peaks = []
    for frames in (15, 45):
        path, ffmpeg = tmp_path / f"{frames}.mp4", imageio_ffmpeg.get_ffmpeg_exe()
        source = ["-f", "lavfi", "-i", "testsrc=s=1920x1080:r=30", "-frames:v", str(frames)]
        subprocess.run([ffmpeg, "-v", "error", *source, "-c:v", "mpeg4", "-q:v", "5", path], check=True)
        code = (
            "import resource, sys; from pathlib import Path;"
            "from talkbench.datasets._preparation import *;"
            "clip, _ = prepare(Path(sys.argv[1]), Settings(crop='centre'));"
            "print(clip.spec.frames, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        run = subprocess.run([sys.executable, "-c", code, path], check=True, capture_output=True, text=True)
        kept, peak = map(int, run.stdout.split())
        assert kept in (12, 13, 37, 38)
        peaks.append(peak / 1024)
    assert peaks[1] - peaks[0] < 60


def scene(shared: Path, paint_at: tuple[int, int], size: tuple[int, int], squeeze: float = 1.0):
    """Paints a real head (GRID, 360x288) into a larger scene, at a place, narrower by `squeeze`."""
    with av.open(str(shared / "clips/grid/brbk7n.mpg")) as container:
        heads = [f.to_image() for f, _ in zip(container.decode(video=0), range(10), strict=False)]

    def paint(number: int, width: int, height: int) -> np.ndarray:
        canvas = Image.new("RGB", size, (90, 90, 90))
        canvas.paste(heads[number % 10], paint_at)
        return np.asarray(canvas.resize((round(size[0] / squeeze), size[1]), Image.Resampling.LANCZOS))

    return paint


def face_in(clip: Clip) -> Box:
    face = FaceFinder().largest(Image.fromarray(clip.video[0].permute(1, 2, 0).numpy()), (256, 256), 0)
    assert face is not None
    return face


@pytest.mark.parametrize("place", [(700, 300), (120, 40)])
def test_the_head_is_found_wherever_it_is(film, shared, place):
    made = film(name="a.mkv", size=(1280, 720), seconds=0.2, paint=scene(shared, place, (1280, 720)))
    clip, note = prepare(made.path, Settings())
    assert "face" not in note
    x, y = face_in(clip).middle
    assert abs(x - 128) < 20
    assert abs(y - 138) < 20


def test_the_head_keeps_its_shape_with_oblong_pixels(film, shared):
    paint = scene(shared, (140, 90), (640, 480), squeeze=2)
    oblong = film(
        name="b.mkv", size=(320, 480), seconds=0.2, paint=paint, sample_aspect_ratio=Fraction(2), sound=None
    )
    plain = film(name="a.mkv", size=(640, 480), seconds=0.2, paint=scene(shared, (140, 90), (640, 480)))
    a, b = (prepare(made.path, Settings())[0].video.float().numpy() for made in (plain, oblong))
    assert np.abs(a - b).mean() < 8


@pytest.mark.parametrize(
    "name",
    ["grid/bbaf2n.mpg", "vidtimit/fadg0_sx289.mkv", "wild/videoretalking_face4.mp4"],
)
def test_real_heads_are_framed(shared, name):
    """In the prepared clip the face is found again: near the middle, and about 1 / HEAD of the side."""
    clip, note = prepare(shared / "clips" / name, Settings(max_seconds=1.0))
    assert note == ""
    finder = FaceFinder()
    for sample, picture in enumerate(clip.video[::12]):
        face = finder.largest(Image.fromarray(picture.permute(1, 2, 0).numpy()), (256, 256), sample)
        assert face is not None
        x, y = face.middle
        assert abs(x - 128) < 40
        assert 110 < y < 175
        assert 0.7 / HEAD < face.side / 256 < 1.4 / HEAD


def test_a_prepared_head_is_left_as_it_is(shared):
    """A 256x256 head crop at 25 fps passes through: the decoder's pictures, bit for bit."""
    from talkbench.datasets._recording import to_rgb

    path = shared / "clips/wild/edtalk_mouth_source.mkv"
    clip, _ = prepare(path, Settings(max_seconds=1.0))
    with av.open(str(path)) as container:
        decoded = [to_rgb(f) for f, _ in zip(container.decode(video=0), range(25), strict=False)]
    assert (clip.video.permute(0, 2, 3, 1).numpy() == np.stack(decoded)).all()


def test_head_square_follows_the_usual_face_and_stays_inside():
    face, other = Box(100, 100, 200, 200), Box(900, 100, 960, 160)
    wide, high = 1280.0, 720.0
    still = head_square([face] * 5, wide, high)
    assert still.side == pytest.approx(HEAD * 100)
    assert head_square([face] * 5 + [other] * 2, wide, high) == still
    moving = head_square([face, Box(140, 100, 240, 200)], wide, high)
    assert moving.side == pytest.approx(HEAD * 100 + 40 - 10)  # less the detector's own scatter
    corner = head_square([Box(0, 0, 100, 100)], wide, high)
    assert corner[:2] == (0, 0)
    close = head_square([Box(300, 100, 900, 700)], wide, high)
    assert close.side == high
    assert 0 <= close.left <= close.right <= wide
    assert square((10, 10), 50, 100, 60) == Box(0, 0, 50, 50)
    assert square((99, 10), 58, 100, 60) == Box(40, 0, 100, 60)

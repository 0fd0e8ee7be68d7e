"""Small pictures and sounds of a clip, for the report to show and play; nothing is scored from them.

Pictures are sprite sheets, not a video, so that a page can draw frame n and no other. Every file follows from
the clip alone, so equal clips give equal files.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from ..api.types import Clip
from ..util.errors import Unavailable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image as PILImage
    from torch import Tensor

LONGEST_SIDE = 256  # of a picture, pixels
SHEET_SIDE = 2048  # of a sheet at most: every browser draws that
WEBP = {"quality": 85, "method": 2}  # method 4 takes twice the time for 4 % less
FLAC_CHANNELS = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")
MEL_HOP_S = 0.01
MEL_WINDOW_S = 0.025
MEL_BANDS = 80
MEL_HIGH_HZ = 8000.0
# 0 dB is a sine wave of full scale. Loud speech fills a band to about -20 dB; below -90 dB is the rounding of
# 16 bits.
MEL_FLOOR_DB, MEL_TOP_DB = -90.0, -10.0
_FACES_SOUGHT = 9  # frames
# The detector marks brows to chin. In shares of that side: how far down the mouth's middle is (by dlib's 68
# landmarks over recorded and rendered speakers: 0.755, standard deviation 0.05; it is 0.33 wide), and how
# large a square shows it with some cheek and chin.
_MOUTH_DOWN, _MOUTH_SIDE = 0.755, 0.55


def preview_size(height: int, width: int) -> tuple[int, int]:
    """Height and width of the preview of such pictures; they are made smaller or left, never larger."""
    scale = min(1.0, LONGEST_SIDE / max(height, width, 1))
    return (max(1, round(height * scale)), max(1, round(width * scale))) if height and width else (0, 0)


def pictures(clip: Clip) -> tuple[dict[str, Any], dict[str, bytes]]:
    """What a page must know to draw frame n, and the sheets by name: frames in rows, WebP."""
    from PIL import Image

    spec = clip.spec
    height, width = preview_size(spec.height, spec.width) if spec.frames else (0, 0)
    columns = max(1, SHEET_SIDE // width) if width else 0
    columns = min(columns, spec.frames)
    per_sheet = columns * max(1, SHEET_SIDE // height) if height else 0
    files: dict[str, bytes] = {}
    for start in range(0, spec.frames, per_sheet or 1):
        shown = clip.video[start : start + per_sheet]
        rows = -(-len(shown) // columns)
        sheet = Image.new("RGB", (columns * width, rows * height))
        for place, frame in enumerate(shown):
            corner = (place % columns * width, place // columns * height)
            picture = _picture(frame)
            if picture.size != (width, height):
                picture = picture.resize((width, height), Image.Resampling.LANCZOS)
            sheet.paste(picture, corner)
        files[f"sheet-{len(files):03d}.webp"] = _encoded(sheet, "WEBP", **WEBP)
    detail = {
        "frames": spec.frames,
        "fps": float(spec.fps),
        "width": width,
        "height": height,
        "columns": columns,
        "per_sheet": per_sheet,
        "sheets": list(files),
    }
    return detail, files


def _picture(frame: Tensor) -> PILImage:
    """A frame, uint8 (3, H, W), as a PIL picture."""
    import numpy as np
    from PIL import Image

    # Not by torch, which has threads wait for each other over so little.
    return Image.fromarray(np.ascontiguousarray(frame.numpy().transpose(1, 2, 0)))


def _encoded(picture: PILImage, kind: str, **options: int) -> bytes:
    data = BytesIO()
    picture.save(data, kind, **options)
    return data.getvalue()


def sound(clip: Clip) -> tuple[dict[str, Any], dict[str, bytes]]:
    """What a page must know of the sound, and its files: `sound.flac` and `mel.png`, or none.

    Raises Unavailable for sound that FLAC cannot hold.
    """
    spec = clip.spec
    detail: dict[str, Any] = {
        "sound": None,
        "sample_rate": spec.sample_rate,
        "samples": spec.samples,
        "channels": spec.channels,
        "mel": None,
        "mel_hop_s": MEL_HOP_S,
        "mel_floor_db": MEL_FLOOR_DB,
        "mel_top_db": MEL_TOP_DB,
        "mel_low_hz": 0.0,
        "mel_high_hz": min(MEL_HIGH_HZ, spec.sample_rate / 2),
    }
    if not spec.samples:
        return detail, {}
    files = {
        "sound.flac": flac(rounded(clip.audio), spec.sample_rate),
        "mel.png": _mel_picture(mel_db(clip.audio, spec.sample_rate)),
    }
    return detail | {"sound": "sound.flac", "mel": "mel.png"}, files


def rounded(audio: Tensor) -> NDArray[np.int16]:
    """Sound (C, N) in [-1, 1] as 16-bit integers of the same shape; +1 becomes 32767."""
    import numpy as np

    return np.clip(np.rint(audio.numpy().astype(np.float64) * 32768), -32768, 32767).astype(np.int16)


def flac(samples: NDArray[np.int16], sample_rate: int) -> bytes:
    """16-bit sound (C, N) as a FLAC file. Raises Unavailable for more than 8 channels."""
    import av
    import numpy as np

    channels, count = samples.shape
    if channels > len(FLAC_CHANNELS):
        raise Unavailable(f"FLAC holds up to {len(FLAC_CHANNELS)} channels, and the sound has {channels}")
    layout = FLAC_CHANNELS[channels - 1]
    data = BytesIO()
    with av.open(data, "w", format="flac") as container:
        stream = container.add_stream("flac", rate=sample_rate, layout=layout)
        stream.codec_context.format = "s16"
        stream.codec_context.open()
        size = stream.codec_context.frame_size or 4096
        for start in range(0, count, size):
            piece = np.ascontiguousarray(samples[:, start : start + size].T).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(piece, format="s16", layout=layout)
            frame.sample_rate, frame.pts = sample_rate, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return data.getvalue()


def mel_db(audio: Tensor, sample_rate: int) -> NDArray[np.float64]:
    """Energy of sound (C, N) in mel bands, dB: (80, ceil(duration / 10 ms)), the lowest band first.

    The channels' mean, in Hann windows of 25 ms with their middle in the middle of each hop; triangular
    filters of height 1, evenly spaced in Slaney's mel from 0 to 8 kHz (or half the sample rate). A sine wave
    of full scale has 0 dB, all bands together; nothing is below -200 dB.
    """
    import numpy as np

    from ..media.mel import mel_edges, mel_filters

    mono = audio.numpy().astype(np.float64).mean(axis=0)
    window = round(MEL_WINDOW_S * sample_rate)
    size = 2 << (max(window, 2) - 1).bit_length()  # fine enough for the narrowest band
    high = min(MEL_HIGH_HZ, sample_rate / 2)
    edges = mel_edges(high, MEL_BANDS)
    triangles = mel_filters(sample_rate, size, MEL_BANDS, high) * ((edges[2:] - edges[:-2]) / 2)[:, None]
    taper = np.hanning(window + 1)[:-1]
    columns = -(-len(mono) // (sample_rate * MEL_HOP_S))
    starts = np.rint((np.arange(columns) + 0.5) * MEL_HOP_S * sample_rate).astype(int)
    padded = np.pad(mono, (window // 2, window))
    bands = np.empty((MEL_BANDS, int(columns)))
    for first in range(0, len(starts), 1024):
        some = starts[first : first + 1024, None] + np.arange(window)
        power = np.abs(np.fft.rfft(padded[some] * taper, size)) ** 2
        # Sums over all bins of a full-scale sine to 1, whatever its frequency (Parseval).
        power *= 4 / (size * np.square(taper).sum())
        bands[:, first : first + 1024] = triangles @ power.T
    return 10 * np.log10(np.maximum(bands, 1e-20))


def _mel_picture(bands: NDArray[np.float64]) -> bytes:
    """8-bit grey PNG, the lowest band in the bottom row."""
    import numpy as np
    from PIL import Image

    grey = np.rint(255 * (bands - MEL_FLOOR_DB) / (MEL_TOP_DB - MEL_FLOOR_DB)).clip(0, 255)
    return _encoded(Image.fromarray(np.ascontiguousarray(grey[::-1].astype(np.uint8))), "PNG", optimize=1)


def mouth(clip: Clip) -> list[int] | None:
    """A square that shows the speaker's mouth in all frames: x, y, width, height in preview pixels.

    From the faces found in a few of the frames; None where too few show the same one.
    """
    from ..media.faces import SCATTER, SHORT_SIDES, FaceFinder, one_person, square

    spec = clip.spec
    if not spec.frames:
        return None
    finder = FaceFinder()
    count = min(_FACES_SOUGHT, spec.frames)
    numbers = [round((place + 0.5) * spec.frames / count - 0.5) for place in range(count)]
    seen = [_picture(clip.video[number]) for number in numbers]
    # Small faces take ten times as long: looked for only where there is no larger one, and in fewer frames.
    for short_side, some in zip(SHORT_SIDES, (seen, seen[::3]), strict=True):
        found = [finder.largest(p, p.size, number, (short_side,)) for number, p in enumerate(some)]
        faces = [face for face in found if face]
        faces = one_person(faces) if faces else []
        if 3 * len(faces) >= len(some):
            break
    else:
        return None
    side = sum(face.side for face in faces) / len(faces)
    xs = [face.middle[0] for face in faces]
    ys = [face.top + _MOUTH_DOWN * (face.bottom - face.top) for face in faces]
    moved = max(0.0, max(xs) - min(xs) - SCATTER * side, max(ys) - min(ys) - SCATTER * side)
    middle = ((max(xs) + min(xs)) / 2, (max(ys) + min(ys)) / 2)
    box = square(middle, min(_MOUTH_SIDE * side + moved, spec.width, spec.height), spec.width, spec.height)
    height, width = preview_size(spec.height, spec.width)
    left, top = round(box.left * width / spec.width), round(box.top * height / spec.height)
    edge = max(1, min(round(box.side * width / spec.width), width - left, height - top))
    return [left, top, edge, edge]

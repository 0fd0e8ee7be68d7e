import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from talkbench.benchmark.media import colour, ffmpeg
from talkbench.benchmark.util.errors import CodecError

BITS: tuple[colour.Bits, ...] = (8, 10)
PIXELS = {8: "yuv420p", 10: "yuv420p10le"}


def flat(rgb: tuple[int, int, int], height: int = 6, width: int = 8) -> torch.Tensor:
    return torch.tensor(rgb, dtype=torch.uint8).view(1, 3, 1, 1).expand(1, 3, height, width).contiguous()


def smooth(frames: int = 3, height: int = 48, width: int = 64, seed: int = 0) -> torch.Tensor:
    coarse = torch.rand((frames, 3, 2, 2), generator=torch.Generator().manual_seed(seed))
    fine = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear", align_corners=True)
    return (fine * 255).round().to(torch.uint8)


def round_trip(video: torch.Tensor, bits: colour.Bits) -> torch.Tensor:
    frames, _, height, width = video.shape
    data = b"".join(colour.pack_yuv420(video, bits))
    size = colour.frame_bytes(height, width, bits)
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    return colour.unpack_yuv420(pieces, bits, frames, height, width)


def test_primaries_against_bt709_table():
    """8-bit full colour bars of BT.709, as every broadcast handbook lists them."""
    table = {
        (255, 255, 255): (235, 128, 128),
        (0, 0, 0): (16, 128, 128),
        (255, 0, 0): (63, 102, 240),
        (0, 255, 0): (173, 42, 26),
        (0, 0, 255): (32, 240, 118),
        (255, 255, 0): (219, 16, 138),
    }
    for rgb, yuv in table.items():
        assert tuple(int(plane.unique().item()) for plane in colour.rgb_to_yuv420(flat(rgb), 8)) == yuv


@pytest.mark.parametrize("bits", BITS)
def test_grey_is_exact(bits):
    ramp = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16).expand(1, 3, 16, 16).contiguous()
    y, u, v = colour.rgb_to_yuv420(ramp, bits)
    assert u.unique().tolist() == v.unique().tolist() == [128 << (bits - 8)]
    assert (y.min(), y.max()) == (16 << (bits - 8), 235 << (bits - 8))
    error = (round_trip(ramp, bits).int() - ramp.int()).abs().max()
    assert error <= (1 if bits == 8 else 0)


@settings(max_examples=60, deadline=None)
@given(rgb=st.tuples(*[st.integers(0, 255)] * 3), bits=st.sampled_from(BITS))
def test_flat_colours_survive(rgb, bits):
    """Saturated too: half a step of Y and of U, through the matrix, is 2.11/2 + 1.16/2 before rounding."""
    error = (round_trip(flat(rgb), bits).int() - flat(rgb).int()).abs().max()
    assert error <= (2 if bits == 8 else 1)


@pytest.mark.parametrize("bits", BITS)
def test_smooth_pictures_survive(bits):
    video = smooth()
    error = (round_trip(video, bits).double() - video.double()).abs()
    assert error.mean() < (0.75 if bits == 8 else 0.45)
    assert error[..., 2:-2, 2:-2].max() <= (3 if bits == 8 else 2)


@settings(max_examples=40, deadline=None)
@given(
    frames=st.integers(1, 18), height=st.integers(1, 9), width=st.integers(1, 9), bits=st.sampled_from(BITS)
)
def test_any_size_and_length(frames, height, width, bits):
    video = smooth(frames, height + 1, width + 1)[..., :height, :width]
    data = b"".join(colour.pack_yuv420(video, bits))
    assert len(data) == frames * colour.frame_bytes(height, width, bits)
    back = round_trip(video, bits)
    assert back.shape == video.shape
    assert back.dtype == torch.uint8
    one_by_one = torch.cat([round_trip(frame[None], bits) for frame in video])
    assert torch.equal(back, one_by_one), "a frame depends on its neighbours"


@pytest.mark.parametrize("bits", BITS)
def test_planes_against_swscale(bits):
    """An independent implementation: same matrix, range and siting, other filters (so: smooth pictures)."""
    video = smooth(2)
    scale = (
        "scale=in_range=full:out_range=limited:out_color_matrix=bt709:out_h_chr_pos=0:out_v_chr_pos=128"
        ":flags=accurate_rnd+full_chroma_int+full_chroma_inp+bilinear:sws_dither=none"
    )
    size = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "64x48", "-i", "pipe:0"]
    theirs = ffmpeg.run(
        [*size, "-vf", scale, "-pix_fmt", PIXELS[bits], "-f", "rawvideo", "pipe:1"],
        video.permute(0, 2, 3, 1).contiguous().numpy().tobytes(),
    )
    kind = "u1" if bits == 8 else "<u2"
    ours = np.frombuffer(b"".join(colour.pack_yuv420(video, bits)), kind).astype(int)
    error = np.abs(np.frombuffer(theirs, kind).astype(int) - ours).reshape(2, -1)
    step = 1 << (bits - 8)
    assert error[:, : 48 * 64].max() <= step
    assert error.mean() < 0.3 * step
    assert error.max() <= 2 * step


def test_siting_is_left():
    """A vertical edge between columns 8 and 9: chroma on even columns sees it where type 0 says."""
    video = flat((0, 0, 255), 4, 16)
    video[..., 9:] = flat((0, 0, 0), 4, 7)
    u = colour.rgb_to_yuv420(video, 10)[1][0, 0].double()
    high, low = u[0], u[-1]
    assert ((u - low) / (high - low)).tolist() == pytest.approx([1, 1, 1, 1, 0.75, 0, 0, 0], abs=2e-3)


@pytest.mark.parametrize("bits", BITS)
def test_wrong_counts_and_sizes_are_refused(bits):
    data = next(colour.pack_yuv420(smooth(1, 4, 4), bits))
    with pytest.raises(CodecError, match="1 of the clip's 2"):
        colour.unpack_yuv420([data], bits, 2, 4, 4)
    with pytest.raises(CodecError, match="more than"):
        colour.unpack_yuv420([data, data], bits, 1, 4, 4)
    with pytest.raises(CodecError, match="wrong size"):
        colour.unpack_yuv420([data[:-1]], bits, 1, 4, 4)

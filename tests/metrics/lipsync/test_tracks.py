"""Face tracks: followed, filled in and smoothed; crops as the published pipeline cuts them."""

import numpy as np
import pytest
import torch
from scipy.signal import medfilt
from talkbench.benchmark.media.faces import Box
from talkbench.benchmark.util.errors import Unavailable
from talkbench.metrics.lipsync.tracks import Track, crop, follow, overlap


def box(x: float, y: float = 50, side: float = 20) -> Box:
    return Box(x - side / 2, y - side / 2, x + side / 2, y + side / 2)


def test_overlap_is_intersection_over_union():
    assert overlap(box(0), box(0)) == 1
    assert overlap(box(0), box(10)) == pytest.approx(200 / 600)
    assert overlap(box(0), box(30)) == 0


def test_gaps_are_interpolated_and_ends_held():
    faces = [[] for _ in range(40)]
    for frame in (5, 10, 15, 20, 25, 30):
        faces[frame] = [box(100 + (frame - 5) / 5)]
    track = follow(faces)
    ramp = np.interp(np.arange(40), (5, 30), (100, 105))
    assert track.x == pytest.approx(medfilt(ramp, 13))
    assert track.found == 6


def test_the_face_seen_most_often_is_followed():
    speaker, passer_by = box(100), box(300, side=60)
    faces = [[passer_by, speaker] if 10 <= frame < 20 else [speaker] for frame in range(60)]
    track = follow(faces)
    assert track.found == 60
    assert track.half.tolist() == [10.0] * 60


def test_a_jump_of_a_frame_is_smoothed_away():
    faces = [[box(100 if frame != 30 else 104)] for frame in range(60)]
    assert follow(faces).x == pytest.approx(np.full(60, 100.0))


@pytest.mark.parametrize("frames", [1, 2, 6, 12])
def test_short_clips(frames):
    track = follow([[box(100)]] * frames)
    assert track.x.tolist() == [100.0] * frames


def test_no_face_at_all():
    with pytest.raises(Unavailable, match="no face"):
        follow([[], [], []])


@pytest.mark.parametrize(("x", "y", "half"), [(60.4, 50.7, 20.3), (12.0, 9.5, 18.0), (118.0, 92.0, 25.9)])
def test_the_crop_is_that_of_the_published_pipeline(x, y, half):
    frame = np.random.RandomState(0).randint(0, 256, (100, 130, 3), np.uint8)
    pad = int(half * 1.8)
    padded = np.pad(frame, ((pad, pad), (pad, pad), (0, 0)), "constant", constant_values=(110, 110))
    mx, my = x + pad, y + pad
    wanted = padded[int(my - half) : int(my + half * 1.8), int(mx - half * 1.4) : int(mx + half * 1.4)]
    track = Track(np.array([x]), np.array([y]), np.array([half]), 1)
    found = crop(torch.from_numpy(frame).permute(2, 0, 1), track, 0)
    assert np.array_equal(found.permute(1, 2, 0).numpy(), wanted)

"""CSIM: how it is put together, on marks for faces; and what it says of real ones, where dlib's files are."""

from itertools import combinations, pairwise

import av
import numpy as np
import pytest
import torch
from PIL import Image
from talkbench.benchmark.api.metric import Score
from talkbench.benchmark.util.errors import InvalidClip, Unavailable
from talkbench.metrics import csim

ABSENT = csim.availability() or csim.describe()[0].missing()


class MarkedFaces:
    """A "face" is a mark in the first row, seen where the picture's short side is `needs` or more.

    It is like the mean colour of the other rows.
    """

    def __init__(self, needs: int = 320):
        self.needs = needs
        self.asked = []

    def place(self, picture, short_side):
        self.asked.append(short_side)
        return int(picture[0, 0, 0]) if picture[0].any() and short_side >= self.needs else None

    def features(self, picture, place):
        return np.append(picture[1:].mean(axis=(0, 1)), place)


def marked(marks, colours):
    video = torch.tensor(colours, dtype=torch.uint8)[:, :, None, None].repeat(1, 1, 4, 6)
    video[:, :, 0] = torch.tensor(marks, dtype=torch.uint8)[:, None, None]
    return video


def scored(reference, *decoded, faces):
    metric = csim.Csim(csim.describe(), faces)
    state = metric.reference(reference)
    scores = []
    for clip in decoded:
        score = metric.compare(state, clip)["csim"]
        assert isinstance(score, Score)
        assert score.frame_values is not None
        scores.append(score)
    return scores


def test_frames_are_compared_at_the_places_of_the_reference(make_clip):
    """Also where the decoded frame has no face; at the nearest frame's place where the reference has none."""
    reference = make_clip(marked([0, 5, 0, 0, 9], [(30, 40, 50)] * 5))
    decoded = make_clip(marked([0] * 5, [(30, 40, 50), (30, 40, 50), (50, 40, 30), (0, 0, 90), (90, 0, 0)]))
    faces = MarkedFaces()
    same, other = scored(reference, reference, decoded, faces=faces)
    assert same.frame_values == [1.0] * 5
    assert same.detail == {"frames_with_face": 2}
    places = [5, 5, 5, 9, 9]
    expected = [
        np.dot([*a, place], [*b, place]) / np.linalg.norm([*a, place]) / np.linalg.norm([*b, place])
        for a, b, place in zip(
            [(30, 40, 50)] * 5,
            [(30, 40, 50), (30, 40, 50), (50, 40, 30), (0, 0, 90), (90, 0, 0)],
            places,
            strict=True,
        )
    ]
    assert other.frame_values == pytest.approx(expected, rel=1e-12)
    assert faces.asked == [320] * 5


def test_small_faces_are_looked_for_only_where_there_is_no_larger_one(make_clip):
    faces = MarkedFaces(needs=960)
    clip = make_clip(marked([0, 7], [(1, 2, 3)] * 2))
    assert scored(clip, clip, faces=faces)[0].frame_values == [1.0, 1.0]
    assert faces.asked == [320, 320, 960, 960]
    with pytest.raises(Unavailable, match="no face was found in the reference"):
        scored(make_clip(marked([0, 0], [(1, 2, 3)] * 2)), faces=faces)


def test_other_shapes_are_refused(make_clip):
    clip = make_clip(marked([1, 1], [(1, 2, 3)] * 2))
    with pytest.raises(InvalidClip):
        scored(clip, clip.frames(0, 1), faces=MarkedFaces())
    with pytest.raises(Unavailable, match="no picture"):
        scored(clip.only("audio"), faces=MarkedFaces())


@pytest.mark.parametrize("absent", [("dlib",), ("dlib", "PIL")])
def test_without_its_packages_it_says_so(monkeypatch, absent):
    monkeypatch.setattr(csim.util, "find_spec", lambda module: None if module in absent else module)
    names = [csim._PACKAGES[module] for module in absent]
    assert csim.availability() == f"needs {' and '.join(names)}: pip install {' '.join(names)}"
    assert csim.describe()[0].build == {}


# Real faces


@pytest.fixture(scope="module")
def faces():
    if ABSENT:
        pytest.skip(ABSENT)
    return csim.DlibFaces()


def frames_of(path, *numbers):
    """Frames of a video as uint8 (n, 3, H, W)."""
    with av.open(str(path)) as container:
        found = {
            number: torch.from_numpy(frame.to_ndarray(format="rgb24")).permute(2, 0, 1)
            for number, frame in zip(range(max(numbers) + 1), container.decode(video=0), strict=False)
            if number in numbers
        }
    return torch.stack([found[number] for number in numbers])


def test_one_person_is_nearer_to_herself_than_to_others(shared, faces):
    """At another time, and in another recording of the same speaker."""

    def embedded(picture):
        array = picture.permute(1, 2, 0).contiguous().numpy()
        return faces.features(array, faces.place(array, 320))

    speakers = ["grid/bbaf2n.mpg", "grid/lwbsza.mpg", "grid/sbia1a.mpg", "vidtimit/fadg0_sa1.mkv"]
    clips = {name: frames_of(shared / "clips" / name, 0, 60) for name in speakers}
    others = frames_of(shared / "clips" / "vidtimit/fadg0_sx109.mkv", 20)
    found = {name: [embedded(picture) for picture in clip] for name, clip in clips.items()}
    same = [csim.cosine(*pair) for pair in found.values()]
    same.append(csim.cosine(found["vidtimit/fadg0_sa1.mkv"][0], embedded(others[0])))
    different = [csim.cosine(a[0], b[1]) for a, b in combinations(found.values(), 2)]
    assert min(same) > max(different) + 0.01
    assert min(same) > 0.94
    assert np.mean(different) < 0.88


@pytest.mark.parametrize("name", ["grid/brbk7n.mpg", "wild/videoretalking_face5.mp4"])
def test_worse_pictures_are_less_like_the_person(shared, faces, make_clip, add_noise, name):
    video = frames_of(shared / "clips" / name, 0, 50)

    def blurred(size):
        return torch.nn.functional.avg_pool2d(video.float(), size, 1, size // 2).round().byte()

    noisy = [add_noise(video, sigma) for sigma in (0, 8, 25, 60)]
    blurry = [blurred(size) for size in (1, 5, 11, 21)]
    gone = torch.full_like(video, 128)
    scores = scored(make_clip(video), *map(make_clip, (*noisy, *blurry, gone)), faces=faces)
    means = [float(np.mean(score.frame_values)) for score in scores]
    assert scores[0].frame_values == [1.0, 1.0]
    for worse in (means[:4], means[4:8]):
        assert all(a > b for a, b in pairwise(worse))
    assert means[8] < min(means[:8])


def test_a_face_may_be_anywhere_and_turned(shared, faces):
    """It is cut out upright: the embedding follows the face."""
    (picture,) = frames_of(shared / "clips" / "grid/brbk7n.mpg", 0)
    array = picture.permute(1, 2, 0).contiguous().numpy()
    moved = np.pad(array, ((40, 0), (0, 60), (0, 0)), mode="edge")
    turned = np.asarray(Image.fromarray(array).rotate(12, Image.Resampling.BICUBIC))
    embeddings = [faces.features(image, faces.place(image, 320)) for image in (array, moved, turned)]
    for other in embeddings[1:]:
        assert csim.cosine(embeddings[0], other) > 0.97
    unaligned = faces.features(turned, faces.place(array, 320))
    assert csim.cosine(embeddings[0], unaligned) < csim.cosine(embeddings[0], embeddings[2])

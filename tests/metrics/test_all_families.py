"""What must hold for every family that the registry offers and that can run here."""

import math
import subprocess
import sys
from itertools import pairwise

import pytest
import torch
from talkbench.benchmark.api import registry
from talkbench.benchmark.util.errors import InvalidClip, Unavailable
from talkbench.datasets import synthetic

# Metrics of a copy that are not the best possible value: VMAF is learned, a recogniser errs by itself, and
# a metric without a reference judges the original too.
COPY_IS_NOT_IDEAL = {"vmaf", "vmaf_neg", "wer_sphinx", "wer_whisper", "avs_u"}
LOOKS_FOR_FACES = {"csim", "avs", "lipsync"}
KINDS = {"family": ("frame", "clip"), "pair_family": ("pair",), "set_family": ("set",)}


def pytest_generate_tests(metafunc):
    """A test gets every family of the kind that its fixture is for."""
    for fixture in KINDS.keys() & set(metafunc.fixturenames):
        modules = {name: registry.metric_family(name) for name in registry.names("metrics")}
        names = [name for name, module in modules.items() if module.describe()[0].kind in KINDS[fixture]]
        metafunc.parametrize(fixture, names, indirect=True, scope="module")


@pytest.fixture(scope="module")
def speaking(make_clip, make_video, read_speech):
    """Two seconds of speech with five frames of 176 × 164."""
    speech = read_speech("LJ001-0008.wav")
    return make_clip(
        make_video(5, 164, 176), speech.audio, speech.spec.sample_rate, "has never been surpassed"
    )


@pytest.fixture(scope="module")
def head():
    """A rendered head that speaks for two seconds, 192 × 192."""
    dataset = synthetic.load(clips=1, seconds=2.0, size=192)
    return dataset.prepare(dataset.items()[0]).clip


class Family:
    """A family with those of its metrics that can run here."""

    def __init__(self, name):
        self.name = name
        self.module = registry.metric_family(name)
        reason = self.module.availability()
        self.all = () if reason else tuple(self.module.describe())
        self.infos = tuple(info for info in self.all if info.missing() is None)
        self.reason = reason or next((info.missing() or "" for info in self.all), "it has no metric")

    @property
    def needs_time(self):
        """Whether it looks at more than single frames."""
        return self.infos[0].kind != "frame"

    def load(self, device="cpu"):
        return self.module.load(device, self.infos)


@pytest.fixture(scope="module")
def family(request):
    found = Family(request.param)
    if not found.infos:
        pytest.skip(found.reason)
    return found


pair_family = set_family = family


@pytest.fixture
def clip(request):
    (family,) = (request.getfixturevalue(name) for name in KINDS if name in request.fixturenames)
    if family.name not in LOOKS_FOR_FACES:
        return request.getfixturevalue("speaking")
    head = request.getfixturevalue("head")
    return head if family.needs_time else head.frames(0, 6)


def value(result):
    if result.frame_values is not None:
        assert all(type(v) is float and math.isfinite(v) for v in result.frame_values)
        return math.fsum(result.frame_values) / len(result.frame_values)
    assert type(result.value) is float
    assert math.isfinite(result.value)
    return result.value


def test_a_copy_is_ideal_and_more_noise_is_worse(family, clip, make_clip, add_noise, add_hiss):
    metric = family.load()
    state = metric.reference(clip)
    variants = [clip] + [
        make_clip(add_noise(clip.video, sigma), add_hiss(clip.audio, snr), clip.spec.sample_rate)
        for sigma, snr in ((4, 30), (16, 10), (64, -10))
    ]
    scores = [metric.compare(state, variant) for variant in variants]
    for info in metric.infos:
        values = [value(score[info.name]) for score in scores]
        signed = values if info.higher_is_better else [-v for v in values]
        # Words are few: a recogniser may get one right in noise that it got wrong without. And a network that
        # never sees the reference may take a little hiss for quality.
        counted = info.aggregate == "weighted" or info.of_reference
        assert signed[0] > signed[-1], (info.name, values)
        assert counted or all(a > b for a, b in pairwise(signed)), (info.name, values)
        low, high = info.bounds
        assert all((low is None or low <= v) and (high is None or v <= high) for v in values), (
            info.name,
            values,
        )
        if info.name not in COPY_IS_NOT_IDEAL and not info.of_reference:
            ideal = high if info.higher_is_better else low
            assert values[0] == pytest.approx(ideal, abs=1e-3), info.name
    # The reference's state is not used up: an earlier variant scores the same again.
    assert metric.compare(state, variants[1]) == scores[1]


def test_chunks_give_the_values_of_the_whole(family, clip, make_clip, add_noise):
    metric = family.load()
    if metric.frames_at_once is None:
        pytest.skip("scored on whole clips")
    decoded = make_clip(add_noise(clip.video, 8))
    whole = metric.compare(metric.reference(clip), decoded)
    for name, result in whole.items():
        pieces = []
        for start, stop in ((0, 2), (2, 5)):
            state = metric.reference(clip.frames(start, stop))
            pieces += metric.compare(state, decoded.frames(start, stop))[name].frame_values
        assert pieces == pytest.approx(result.frame_values, rel=1e-6)


def blurred(video, size):
    """A box blur of `size` pixels, edges repeated; 1 changes nothing."""
    pad = size // 2
    padded = torch.nn.functional.pad(video.float(), (pad,) * 4, mode="replicate")
    return torch.nn.functional.avg_pool2d(padded, size, stride=1).round().byte()


def test_more_blur_is_worse(family, clip, make_clip):
    metric = family.load()
    if metric.infos[0].modality != "video":
        pytest.skip("listens")
    # A picture with detail to lose: texture of one pixel on the clip's frames.
    texture = torch.randn(1, 1, *clip.video.shape[2:], generator=torch.Generator().manual_seed(3))
    video = (clip.video.float() + 10 * texture).round().clamp(0, 255).byte()
    reference = make_clip(video, clip.audio, clip.spec.sample_rate)
    state = metric.reference(reference)
    scores = [metric.compare(state, make_clip(blurred(video, width))) for width in (1, 3, 9, 21)]
    for info in metric.infos:
        sign = 1 if info.higher_is_better else -1
        values = [sign * value(score[info.name]) for score in scores]
        assert all(a > b for a, b in pairwise(values)), (info.name, values)


@pytest.mark.parametrize("fault", ["bgr", "one frame late", "limited range"])
def test_faults_of_a_pipeline_are_noticed(family, clip, make_clip, fault):
    metric = family.load()
    if metric.infos[0].modality != "video":
        pytest.skip("listens")
    if fault == "one frame late" and family.name in LOOKS_FOR_FACES:
        pytest.skip("a face is the same person, nearly in the same place, a frame later")
    wrong = {
        "bgr": clip.video.flip(1),
        "one frame late": clip.video.roll(1, 0),
        "limited range": (16 + clip.video.float() * 219 / 255).round().byte(),
    }[fault]
    state = metric.reference(clip)
    right, found = metric.compare(state, clip), metric.compare(state, make_clip(wrong))
    for info in metric.infos:
        sign = 1 if info.higher_is_better else -1
        assert sign * value(found[info.name]) < sign * value(right[info.name]) - 1e-6, info.name


def test_frames_in_another_order_give_their_values_in_that_order(family, clip, make_clip, add_noise):
    metric = family.load()
    if metric.frames_at_once is None:
        pytest.skip("looks at more than single frames")
    order = torch.randperm(clip.spec.frames, generator=torch.Generator().manual_seed(5))
    noisy = add_noise(clip.video, 12)
    there = metric.compare(metric.reference(clip), make_clip(noisy))
    shuffled = metric.compare(metric.reference(make_clip(clip.video[order])), make_clip(noisy[order]))
    for name, result in there.items():
        expected = [result.frame_values[at] for at in order]
        assert shuffled[name].frame_values == pytest.approx(expected, rel=1e-6), name


# ViSQOL and PESQ align before they compare, recognisers and metrics without a reference hear the same words
# and voice, and mean spectra of a stationary stretch hardly move.
ALIGNS = {"visqol", "pesq", "sphinx", "whisper", "dnsmos"}


def test_more_delay_is_worse_where_nothing_is_aligned(family, clip, make_clip):
    metric = family.load()
    if metric.infos[0].modality != "audio":
        pytest.skip("looks at pictures")
    if family.name in ALIGNS:
        pytest.skip("aligns, or has no reference to be late against")
    rate = clip.spec.sample_rate
    delays = [round(milliseconds * rate / 1000) for milliseconds in (0, 0.1, 1, 20)]
    late = [torch.nn.functional.pad(clip.audio, (n, 0))[:, : clip.spec.samples] for n in delays]
    state = metric.reference(clip)
    scores = [metric.compare(state, make_clip(audio=sound, sample_rate=rate)) for sound in late]
    for info in metric.infos:
        sign = 1 if info.higher_is_better else -1
        values = [sign * value(score[info.name]) for score in scores]
        # From about a millisecond, half a period of a voice, a waveform is simply another one.
        assert values[0] > values[-1], (info.name, values)
        assert all(a >= b for a, b in pairwise(values[:3])), (info.name, values)


def test_infos_describe_what_compare_gives(family, clip):
    metric = family.load()
    assert list(metric.infos) == list(family.infos)
    assert len({info.modality for info in metric.infos}) == 1
    result = metric.compare(metric.reference(clip), clip)
    assert set(result) == {info.name for info in metric.infos}
    for info in metric.infos:
        assert (result[info.name].frame_values is not None) == (info.kind == "frame")
        assert info.definition.endswith(".")


def test_absent_modality_is_unavailable_and_other_shapes_are_refused(family, clip):
    metric = family.load()
    modality = metric.infos[0].modality
    other = "audio" if modality == "video" else "video"
    with pytest.raises(Unavailable):
        metric.reference(clip.only(other))
    with pytest.raises(InvalidClip):
        metric.compare(metric.reference(clip), clip.only(other))


def test_only_what_is_asked_for_is_computed(family, clip):
    for info in family.infos:
        metric = family.module.load("cpu", [info])
        assert [found.name for found in metric.infos] == [info.name]
        assert info.name in metric.compare(metric.reference(clip), clip)


def test_sound_that_is_not_finite_is_refused(family, clip, make_clip):
    metric = family.load()
    if metric.infos[0].modality != "audio":
        pytest.skip("looks at pictures, which are integers")
    broken = clip.audio.clone()
    broken[0, 100] = math.nan
    with pytest.raises(InvalidClip, match="not finite"):
        metric.compare(metric.reference(clip), make_clip(audio=broken, sample_rate=clip.spec.sample_rate))


def test_scores_are_reproducible_in_a_fresh_object(family, clip, make_clip, add_noise, add_hiss):
    decoded = make_clip(add_noise(clip.video, 16), add_hiss(clip.audio, 10), clip.spec.sample_rate)
    first, second = (
        metric.compare(metric.reference(clip), decoded) for metric in (family.load(), family.load())
    )
    assert first == second


def test_describing_imports_nothing_heavy():
    code = (
        "import sys; from talkbench.benchmark.api import registry; registry.metrics(); "
        "print(*({'torch', 'scipy', 'numpy', 'pocketsphinx', 'visqol'} & set(sys.modules)))"
    )
    heavy = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert heavy.strip() == ""


def test_silence_never_gives_a_number_that_is_not_finite(family, clip, make_clip):
    silent = make_clip(torch.zeros_like(clip.video), torch.zeros_like(clip.audio), clip.spec.sample_rate)
    metric = family.load()
    for reference, decoded in ((clip, silent), (silent, clip), (silent, silent)):
        try:
            results = metric.compare(metric.reference(reference), decoded)
        except Unavailable:
            continue
        for result in results.values():
            if not isinstance(result, Unavailable):
                value(result)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_a_gpu_gives_the_values_of_the_cpu(family, clip, make_clip, add_noise, add_hiss):
    decoded = make_clip(add_noise(clip.video, 16), add_hiss(clip.audio, 10), clip.spec.sample_rate)
    metrics = [family.load(device) for device in ("cpu", "cuda:0")]
    expected, found = (metric.compare(metric.reference(clip), decoded) for metric in metrics)
    for name, result in expected.items():
        assert value(found[name]) == pytest.approx(value(result), rel=1e-4)


def test_the_reference_pair_is_scored_and_reproducible(pair_family, clip):
    values = []
    for _ in range(2):
        metric = pair_family.load()
        state = metric.reference(clip)
        parts = metric.picture(state, clip.only("video")), metric.sound(state, clip.only("audio"))
        found = metric.compare(state, *parts)
        assert set(found) >= {info.name for info in pair_family.infos}
        values.append({name: value(score) for name, score in found.items()})
        assert metric.compare(state, *parts) == found
    assert values[0] == values[1]
    for info in pair_family.infos:
        low, high = info.bounds
        assert low is None or low <= values[0][info.name]
        assert high is None or values[0][info.name] <= high


def test_a_pair_needs_picture_and_sound(pair_family, clip):
    metric = pair_family.load()
    for modality in ("video", "audio"):
        with pytest.raises(Unavailable):
            metric.reference(clip.only(modality))
    state = metric.reference(clip)
    with pytest.raises(InvalidClip):
        metric.picture(state, clip.frames(0, clip.spec.frames - 1))


def test_a_set_is_at_no_distance_from_itself_and_farther_with_noise(set_family, clip, add_noise, make_clip):
    metric = set_family.load()
    frames = [
        metric.embed(make_clip(video)) for video in (clip.video, *(add_noise(clip.video, s) for s in (8, 64)))
    ]
    assert all(len(found) == clip.spec.frames and str(found.dtype) == "float32" for found in frames)
    pieces = [metric.embed(clip.frames(start, start + 1)) for start in range(clip.spec.frames)]
    for one, other in zip(frames[0], pieces, strict=True):
        assert one == pytest.approx(other[0], rel=1e-3, abs=1e-4)
    for info in set_family.infos:
        values = [metric.distance([frames[0]], [found])[info.name].value for found in frames]
        assert values[0] == pytest.approx(0, abs=1e-4)
        assert values[0] < values[1] < values[2]

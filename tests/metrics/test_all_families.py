"""What must hold for every family that the registry offers and that can run here."""

import math
import subprocess
import sys
from itertools import pairwise

import pytest
import torch
from talkbench.benchmark import registry
from talkbench.benchmark.errors import InvalidClip, Unavailable

# Metrics of a copy that are not the best possible value: VMAF is learned, a recogniser errs by itself.
COPY_IS_NOT_IDEAL = {"vmaf", "vmaf_neg", "wer_sphinx"}
FAMILIES = registry.names("metrics")


@pytest.fixture(scope="module")
def clip(make_clip, make_video, read_speech):
    """Two seconds of speech with five frames of 176 × 164."""
    speech = read_speech("LJ001-0008.wav")
    return make_clip(
        make_video(5, 164, 176), speech.audio, speech.spec.sample_rate, "has never been surpassed"
    )


@pytest.fixture(scope="module", params=FAMILIES)
def family(request):
    module = registry.metric_family(request.param)
    reason = module.availability()
    if reason is not None:
        pytest.skip(reason)
    return module


def value(result):
    if result.frame_values is not None:
        assert all(type(v) is float and math.isfinite(v) for v in result.frame_values)
        return math.fsum(result.frame_values) / len(result.frame_values)
    assert type(result.value) is float
    assert math.isfinite(result.value)
    return result.value


def test_a_copy_is_ideal_and_more_noise_is_worse(family, clip, make_clip, add_noise, add_hiss):
    metric = family.load("cpu")
    state = metric.reference(clip)
    variants = [clip] + [
        make_clip(add_noise(clip.video, sigma), add_hiss(clip.audio, snr), clip.spec.sample_rate)
        for sigma, snr in ((4, 30), (16, 10), (64, -10))
    ]
    scores = [metric.compare(state, variant) for variant in variants]
    for info in metric.infos:
        values = [value(score[info.name]) for score in scores]
        signed = values if info.higher_is_better else [-v for v in values]
        # Words are few: a recogniser may get one right in noise that it got wrong without.
        counted = info.aggregate == "weighted"
        assert signed[0] > signed[-1], (info.name, values)
        assert counted or all(a > b for a, b in pairwise(signed)), (info.name, values)
        low, high = info.bounds
        assert all((low is None or low <= v) and (high is None or v <= high) for v in values), (
            info.name,
            values,
        )
        if info.name not in COPY_IS_NOT_IDEAL:
            ideal = high if info.higher_is_better else low
            assert values[0] == pytest.approx(ideal, abs=1e-3), info.name
    # The reference's state is not used up: an earlier variant scores the same again.
    assert metric.compare(state, variants[1]) == scores[1]


def test_chunks_give_the_values_of_the_whole(family, clip, make_clip, add_noise):
    metric = family.load("cpu")
    if metric.scope != "chunk":
        pytest.skip("scored on whole clips")
    decoded = make_clip(add_noise(clip.video, 8))
    whole = metric.compare(metric.reference(clip), decoded)
    for name, result in whole.items():
        pieces = []
        for start, stop in ((0, 2), (2, 5)):
            state = metric.reference(clip.frames(start, stop))
            pieces += metric.compare(state, decoded.frames(start, stop))[name].frame_values
        assert pieces == pytest.approx(result.frame_values, rel=1e-6)


def test_infos_describe_what_compare_gives(family, clip):
    metric = family.load("cpu")
    assert list(metric.infos) == list(family.describe())
    assert len({info.modality for info in metric.infos}) == 1
    result = metric.compare(metric.reference(clip), clip)
    assert set(result) == {info.name for info in metric.infos}
    for info in metric.infos:
        assert (result[info.name].frame_values is not None) == (info.kind == "frame")
        assert info.definition.endswith(".")


def test_absent_modality_is_unavailable_and_other_shapes_are_refused(family, clip):
    metric = family.load("cpu")
    modality = metric.infos[0].modality
    other = "audio" if modality == "video" else "video"
    with pytest.raises(Unavailable):
        metric.reference(clip.only(other))
    with pytest.raises(InvalidClip):
        metric.compare(metric.reference(clip), clip.only(other))


def test_sound_that_is_not_finite_is_refused(family, clip, make_clip):
    metric = family.load("cpu")
    if metric.infos[0].modality != "audio":
        pytest.skip("looks at pictures, which are integers")
    broken = clip.audio.clone()
    broken[0, 100] = math.nan
    with pytest.raises(InvalidClip, match="not finite"):
        metric.compare(metric.reference(clip), make_clip(audio=broken, sample_rate=clip.spec.sample_rate))


def test_scores_are_reproducible_in_a_fresh_object(family, clip, make_clip, add_noise, add_hiss):
    decoded = make_clip(add_noise(clip.video, 16), add_hiss(clip.audio, 10), clip.spec.sample_rate)
    first, second = (
        metric.compare(metric.reference(clip), decoded) for metric in (family.load("cpu"), family.load("cpu"))
    )
    assert first == second


def test_describing_imports_nothing_heavy():
    code = (
        "import sys; from talkbench.benchmark import registry; registry.metrics(); "
        "print(*({'torch', 'scipy', 'numpy', 'pocketsphinx', 'visqol'} & set(sys.modules)))"
    )
    heavy = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert heavy.strip() == ""


def test_silence_never_gives_a_number_that_is_not_finite(family, clip, make_clip):
    silent = make_clip(torch.zeros_like(clip.video), torch.zeros_like(clip.audio), clip.spec.sample_rate)
    metric = family.load("cpu")
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

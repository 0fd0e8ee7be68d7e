"""Whisper: OpenAI's checkpoints in transformers' network, its search, its text and the rates made of them."""

import doctest
from dataclasses import replace
from typing import Any

import pytest
import torch
from talkbench.benchmark import weights
from talkbench.benchmark.util.errors import Unavailable, UsageError
from talkbench.metrics import whisper
from talkbench.metrics.whisper import network, recogniser
from talkbench.metrics.whisper.recogniser import Recogniser, read_vocabulary

# Found by the package openai-whisper 20250625, its own network and search, with the made-up weights of
# conftest.py on the shared `pesq/speech.wav` (3.1 s, without timestamps) and on 37.2 s made of it: five
# beams, temperature 0, 12 tokens a window, no conditioning on previous text, no fallback; text tokens alone.
OPENAI = {
    "tiny": (
        [-0.6728, -0.2252, 0.201, 0.9343, 0.3893],
        [25028, 9799, 18234, 25028, 47427, 678, 45219, 18234, 25028, 9799, 18234, 19458],
        [21156, 25028, 45219, 9799, 46340, 25028, 45219, 9799],
    ),
    "large-v3": (
        [-0.5775, -0.173, 0.2347, 1.0621, -1.4136],
        [25028, 9799, 18234, 48030, 47427, 678, 45219, 18234, 25028, 7010, 18234, 25028],
        [25028, 25028, 45219, 9799, 19458, 25028, 45219, 9799],
    ),
}
TEXTS = 50257


@pytest.fixture(params=OPENAI)
def size(request, give, checkpoint, checkpoint_v3):
    """A size, with made-up weights of its vocabulary and mel bands."""
    give(request.param, checkpoint if request.param == "tiny" else checkpoint_v3)
    return request.param


@pytest.fixture
def tiny(give, checkpoint):
    """The metrics of size tiny with made-up weights, eight tokens at most."""
    give("tiny", checkpoint)
    return [
        replace(info, options={**info.options, "max_tokens": 8}) for info in whisper.describe(size="tiny")
    ]


@pytest.fixture
def speech(read_speech):
    return read_speech("pesq/speech.wav")


def test_logits_are_those_of_openais_network(size, speech):
    expected, _, _ = OPENAI[size]
    found = Recogniser(size, 5, 12, "cpu")
    features = found._features(
        speech.audio[0].numpy(), sampling_rate=16000, return_tensors="pt"
    ).input_features
    languages = 99 if size == "tiny" else 100
    tokens = torch.tensor([[TEXTS + 1, TEXTS + 2, TEXTS + 3 + languages, TEXTS + 7 + languages, 100]])
    with torch.inference_mode():
        logits = found._network(input_features=features, decoder_input_ids=tokens).logits[0, -1]
    assert logits[[0, 1000, 20000, TEXTS, -1]].tolist() == pytest.approx(expected, abs=2e-4)


def test_a_short_sound_gives_the_tokens_of_openais_search(size, speech):
    _, expected, _ = OPENAI[size]
    assert list(Recogniser(size, 5, 12, "cpu").tokens(speech.audio, 16000)) == expected


def test_a_long_sound_gives_the_tokens_of_openais_windows(size, speech):
    _, _, expected = OPENAI[size]
    audio = torch.cat([speech.audio, speech.audio.flip(1), speech.audio * 0.3] * 4, dim=1)
    tokens = Recogniser(size, 5, 12, "cpu").tokens(audio, 16000)
    assert [token for token in tokens if token < TEXTS] == expected
    assert any(token > TEXTS for token in tokens)  # timestamps


def test_half_a_checkpoint_is_refused(checkpoint):
    cut = {name: value for name, value in checkpoint.items() if name != "decoder.ln.bias"}
    with pytest.raises(RuntimeError, match=r"Missing key.*decoder\.layer_norm\.bias"):
        network.build(cut, "cpu", torch.float32)
    with pytest.raises(RuntimeError, match=r"Unexpected key.*model\.decoder\.extra"):
        network.build({**checkpoint, "decoder.extra": torch.zeros(1)}, "cpu", torch.float32)
    wrong = {**checkpoint, "encoder.conv2.bias": torch.zeros(3)}
    with pytest.raises(RuntimeError, match="size mismatch"):
        network.build(wrong, "cpu", torch.float32)


def test_the_network_holds_the_checkpoint(checkpoint):
    found = network.build(checkpoint, "cpu", torch.float32)
    assert sum(p.numel() for p in found.parameters()) == sum(t.numel() for t in checkpoint.values())
    assert found.proj_out.weight is found.model.decoder.embed_tokens.weight
    assert not found.training
    assert doctest.testmod(network).attempted == 1
    assert doctest.testmod(network).failed == 0


def test_text_of_tokens(tiny):
    found = Recogniser("tiny", 5, 8, "cpu")
    assert found.text([TEXTS + 1, 7, 220, 8, TEXTS + 200, TEXTS]) == " w7  w8"
    found._texts[7:9] = [b"\xc3", b"\xa9"]  # one letter, half a letter
    assert found.text([7, 8]) == "é"
    assert found.text([8]) == "�"


@pytest.mark.parametrize("content", ["%%% 0\n", "YQ== 1\n", "YQ==\n", "YQ== zero\n", "é 0\n", "A 0\n"])
def test_a_file_that_is_no_vocabulary(tmp_path, content):
    path = tmp_path / "vocabulary"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(Unavailable, match="vocabulary"):
        read_vocabulary(path)


def test_a_vocabulary_that_is_not_the_networks(give, random_weights, checkpoint, tmp_path):
    give("tiny", {**checkpoint, "decoder.token_embedding.weight": torch.zeros(51000, 128)})
    with pytest.raises(Unavailable, match="does not belong"):
        Recogniser("tiny", 5, 8, "cpu")


@pytest.mark.parametrize(
    ("text", "words"),  # by OpenAI's own normaliser
    [
        ("Mr. Park's colour wasn't grey, it's twenty-one!", "mister park is color was not gray it is 21"),
        (
            "He'd been [laughs] to (um) St. Mary's -- 2,000 years ago.",
            "he had been to saint mary is 2000 years ago",
        ),
        ("They paid $3.50 and one hundred and five pounds, 20 per cent.", "they paid $3.50 and £105 20%"),
        ("The 1st, second & twenty third of nineteen fifty five.", "the 1st 2nd 23rd of 1955"),
        ("Uh, hmm, I can't; you won't, we'll", "i can not you will not we will"),
        ("", ""),
    ],
)
def test_words_are_whispers(tiny, text, words):
    assert Recogniser("tiny", 5, 8, "cpu").words(text) == words.split()


def test_rates_of_what_is_heard(tiny, speech, make_clip, add_hiss):
    metric: Any = whisper.load("cpu", tiny)
    clip = make_clip(audio=speech.audio, transcript="W-nine, w 18!")
    state = metric.reference(clip)
    assert len(state.heard) == 16  # of eight tokens, as the normaliser parts letters and numbers
    assert list(state.heard[::2]) == ["w"] * 8
    noisy = make_clip(audio=add_hiss(speech.audio, 5))
    scores = metric.compare(state, noisy)
    heard = scores["wer_whisper"].detail["hypothesis"]
    assert scores["wer_whisper"].detail["reference"] == "w 9 w 18"
    assert scores["wer_whisper"].weight == 4
    assert scores["dwer_whisper"].weight == 16
    assert heard.split() != list(state.heard)
    assert metric.compare(state, clip)["dwer_whisper"].value == 0
    again = whisper.load("cpu", tiny)
    assert again.compare(again.reference(clip), noisy) == scores


def test_nothing_is_heard_in_silence(tiny, speech, make_clip):
    metric: Any = whisper.load("cpu", tiny)
    clip = make_clip(audio=speech.audio, transcript="two words")
    silent = make_clip(audio=torch.zeros_like(clip.audio))
    scores = metric.compare(metric.reference(clip), silent)
    assert [score.value for score in scores.values()] == [1, 1]
    assert scores["wer_whisper"].detail["hypothesis"] == ""
    with pytest.raises(Unavailable, match="no transcript"):
        metric.reference(silent)
    with pytest.raises(Unavailable, match="too short"):
        metric.reference(make_clip(audio=clip.audio[:, :1], transcript="two words"))


def test_the_quick_form_is_another_metric_in_bfloat16(tiny, speech):
    quick = [info.quickened() for info in tiny]
    assert {info.fingerprint() for info in quick}.isdisjoint(info.fingerprint() for info in tiny)
    metric: Any = whisper.load("cpu", quick)
    assert len(metric.reference(speech).heard) > 0
    assert Recogniser("tiny", 5, 8, "cpu", quick=True)._network.dtype == torch.bfloat16


def test_sizes():
    assert {info.options["size"] for info in whisper.describe()} == {"large-v3"}
    prints = {info.fingerprint() for size in whisper.SIZES for info in whisper.describe(size=size)}
    assert len(prints) == 2 * len(whisper.SIZES)
    with pytest.raises(UsageError, match="no size 'huge'"):
        whisper.describe(size="huge")
    for size in whisper.SIZES:
        weight = weights.get(f"whisper-{size}")
        assert weight.sha256 in weight.url  # OpenAI's addresses tell it


def test_special_tokens_are_those_of_both_vocabularies():
    """Numbers of openai-whisper's tokenizer for 99 and 100 languages."""
    for vocabulary, transcribe, no_timestamps in ((51865, 50359, 50363), (51866, 50360, 50364)):
        search: Any = recogniser._search(TEXTS, vocabulary, 5, 8, timestamps=True)
        assert search.decoder_start_token_id == 50258
        assert search.lang_to_id == {"<|en|>": 50259}
        assert search.task_to_id["transcribe"] == transcribe
        assert search.no_timestamps_token_id == no_timestamps
        assert max(search.suppress_tokens) < no_timestamps
        short: Any = recogniser._search(TEXTS, vocabulary, 5, 8, timestamps=False)
        assert set(short.suppress_tokens) - set(search.suppress_tokens) == set(
            range(no_timestamps, vocabulary)
        )


@pytest.mark.parametrize("official_size", ["tiny", "large-v3"])
def test_known_speech_by_official_weights(official_size, read_speech):
    infos = whisper.describe(size=official_size)
    if missing := infos[0].missing():
        pytest.skip(missing)
    said = "and so my fellow americans ask not what your country can do for you "
    clip = read_speech("jfk.flac", f"{said}ask what you can do for your country")
    metric: Any = whisper.load("cpu", infos)
    scores = metric.compare(metric.reference(clip), clip)
    assert scores["wer_whisper"].value <= 0.1
    assert scores["dwer_whisper"].value == 0

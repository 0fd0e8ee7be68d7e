"""From a sound to words with Whisper: features, beam search, and tokens as text."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...benchmark import weights
from ...benchmark.api import Unavailable, full_precision
from .._inputs import mono
from . import network

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import GenerationConfig

SAMPLE_RATE = 16000
WINDOW_S = 30
# What follows the text tokens of a multilingual vocabulary: end of text, start of transcript, one token a
# language (English first), six for tasks and the like, 1501 timestamps from 0.00 to 30.00 s.
_FIXED_TOKENS = 2 + 6 + 1501
_BLANK = 220  # " " alone


class Recogniser:
    """Whisper of one size on one device; in float32 without TF32, or (`quick`) in bfloat16."""

    def __init__(self, size: str, beams: int, max_tokens: int, device: str, quick: bool = False) -> None:
        import torch
        from transformers import GenerationConfig, WhisperFeatureExtractor
        from transformers.models.whisper.english_normalizer import EnglishTextNormalizer

        dtype = torch.bfloat16 if quick else torch.float32
        self._network = network.build(weights.state_dict(f"whisper-{size}"), device, dtype)
        self._network.generation_config = GenerationConfig()  # all is in `_search`
        self._texts = read_vocabulary(weights.path("whisper-vocabulary"))
        config = self._network.config
        self._search = {
            timestamps: _search(len(self._texts), config.vocab_size, beams, max_tokens, timestamps)
            for timestamps in (False, True)
        }
        self._features = WhisperFeatureExtractor(feature_size=config.num_mel_bins)
        spelling = json.loads(weights.path("whisper-spelling").read_text(encoding="utf-8"))
        self._normalise = EnglishTextNormalizer(spelling)

    def recognise(self, audio: Tensor, sample_rate: int) -> str:
        """What Whisper hears in the sound (C, N); '' in digital silence, where it would make up words."""
        return self.text(self.tokens(audio, sample_rate)) if audio.any() else ""

    def tokens(self, audio: Tensor, sample_rate: int) -> Sequence[int]:
        """The tokens of all windows, without those before the text."""
        speech = mono(audio, sample_rate, SAMPLE_RATE)
        is_long = len(speech) > WINDOW_S * SAMPLE_RATE
        features = self._features(
            speech,
            sampling_rate=SAMPLE_RATE,
            padding="longest" if is_long else "max_length",
            truncation=False,
            return_tensors="pt",
        ).input_features
        with full_precision(), _quiet():
            found: Any = self._network.generate(
                features.to(self._network.device, self._network.dtype),
                generation_config=self._search[is_long],
                language="en",
                task="transcribe",
                temperature=0.0,
                return_timestamps=is_long,
                condition_on_prev_tokens=False,
            )
        return found[0].tolist()

    def text(self, tokens: Sequence[int]) -> str:
        """Text of tokens, without timestamps and end; bytes that are not UTF-8 are replaced."""
        known = len(self._texts)
        return b"".join(self._texts[token] for token in tokens if token < known).decode(errors="replace")

    def words(self, text: str) -> list[str]:
        """Words after Whisper's English normaliser."""
        return self._normalise(text).split()


def read_vocabulary(path: Path) -> list[bytes]:
    """The bytes of each text token, from lines of base64 and rank. Raises Unavailable for anything else."""
    try:
        lines = [line.split() for line in path.read_text(encoding="ascii").splitlines()]
        ranks = [int(rank) for _, rank in lines]
        # The last token is empty and written "=", which is not base64.
        texts = [base64.b64decode(text, validate=text != "=") for text, _ in lines]
    except ValueError as error:
        raise Unavailable(f"{path}: not a vocabulary of base64 tokens and ranks: {error}") from error
    if ranks != list(range(len(ranks))):
        raise Unavailable(f"{path}: the ranks of its tokens are not 0, 1, 2 …")
    return texts


@contextmanager
def _quiet() -> Iterator[None]:
    """Without warnings: for each window transformers tells of arguments that its own code passes."""
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)


def _search(texts: int, vocabulary: int, beams: int, max_tokens: int, timestamps: bool) -> GenerationConfig:
    """How tokens are searched: beams, and the tokens that Whisper may not say.

    As in OpenAI's decoder, these are musical notes, brackets and other signs that are not spoken. The
    vocabulary's size tells how many languages there are, and so which number each special token has.
    """
    from transformers import GenerationConfig
    from transformers.models.whisper.configuration_whisper import NON_SPEECH_TOKENS_MULTI

    end, start = texts, texts + 1
    languages = vocabulary - texts - _FIXED_TOKENS
    if languages < 1:
        raise Unavailable(
            f"a vocabulary of {texts} texts does not belong to a Whisper of {vocabulary} tokens"
        )
    translate, transcribe, model_start, previous, no_speech, no_timestamps = (
        start + languages + 1 + i for i in range(6)
    )
    silent = [token for token in NON_SPEECH_TOKENS_MULTI if token < end]
    silent += [start, translate, transcribe, model_start, previous, no_speech]
    if not timestamps:
        silent += range(no_timestamps, vocabulary)
    return GenerationConfig(
        num_beams=beams,
        do_sample=False,
        renormalize_logits=True,  # over what may be said, as OpenAI's beam search does
        max_new_tokens=max_tokens,
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
        decoder_start_token_id=start,
        prev_sot_token_id=previous,
        is_multilingual=True,
        lang_to_id={"<|en|>": start + 1},
        task_to_id={"transcribe": transcribe, "translate": translate},
        no_timestamps_token_id=no_timestamps,
        max_initial_timestamp_index=50,  # the first word starts within 1 s
        suppress_tokens=silent,
        begin_suppress_tokens=[_BLANK, end],
    )

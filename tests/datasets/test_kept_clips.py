"""Clips kept for evaluations: rendered once, the same from the folder, different options apart."""

import pytest
import torch
from talkbench.datasets.synthetic import Options, kept_clips


def test_a_clip_is_rendered_once(tmp_path, monkeypatch):
    options = Options(clips=2, seconds=1.0, size=16, split="test")
    made = kept_clips.fetch(tmp_path, options, 1)
    assert made.clip_id == "test-0001"
    assert made.video.shape == (25, 3, 16, 16)

    def none(*_):
        raise AssertionError("rendered again")

    monkeypatch.setattr(kept_clips, "make_clip", none)
    kept = kept_clips.fetch(tmp_path, options, 1)
    assert kept.spec == made.spec
    assert kept.clip_id == made.clip_id
    assert torch.equal(kept.video, made.video)
    assert torch.equal(kept.audio, made.audio)
    for other, index in ((options, 0), (Options(clips=2, seconds=1.0, size=16, seed=1), 1)):
        with pytest.raises(AssertionError, match="rendered again"):
            kept_clips.fetch(tmp_path, other, index)

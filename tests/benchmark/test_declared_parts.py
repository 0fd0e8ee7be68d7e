"""A codec declares the parts of its bitstreams once, and a bitstream with others is refused."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from talkbench.benchmark.api import registry
from talkbench.benchmark.api.codec import CodecInfo
from talkbench.benchmark.api.types import Bitstream, Part, boundary_bits
from talkbench.benchmark.conformance.clips import CheckClip
from talkbench.benchmark.stages import coding
from talkbench.benchmark.store import artifacts
from talkbench.benchmark.util.errors import CodecError

VIDEO = CodecInfo("mine", "1", ("video",), "neural", "MIT", parts=("headers", "motion"))
JOINT = replace(VIDEO, modalities=("video", "audio"), parts={"a": "joint", "b": "audio", "c": "video"})


def test_names_alone_are_billed_to_the_one_modality() -> None:
    assert VIDEO.declared_parts() == (("headers", "video"), ("motion", "video"))
    assert replace(VIDEO, modalities=("audio",)).declared_parts() == (
        ("headers", "audio"),
        ("motion", "audio"),
    )


def test_a_joint_codec_says_what_each_is_billed_to() -> None:
    assert JOINT.declared_parts() == (("a", "joint"), ("b", "audio"), ("c", "video"))
    streams = replace(JOINT, parts=("audio", "video", "joint"))
    assert streams.declared_parts() == (("audio", "audio"), ("video", "video"), ("joint", "joint"))
    with pytest.raises(CodecError, match="'headers' to 'headers'"):
        replace(JOINT, parts=("headers",)).declared_parts()


def test_eight_parts_and_no_more() -> None:
    assert len(replace(VIDEO, parts=[f"p{at}" for at in range(8)]).declared_parts()) == 8


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ((), "does not declare its parts"),
        ({}, "does not declare its parts"),
        ("pixels", "does not declare its parts"),
        ([f"p{at}" for at in range(9)], "at most 8"),
        (("a", "b", "a"), "different names"),
        ({"a": "video", "b": "audio"}, "'b' to 'audio'"),
        ({"a": "joint"}, "'a' to 'joint'"),
    ],
)
def test_declarations_that_cannot_hold(parts: Any, words: str) -> None:
    with pytest.raises(CodecError, match=words) as caught:
        replace(VIDEO, parts=parts).declared_parts()
    assert "'mine'" in str(caught.value)


def test_the_declaration_is_not_part_of_the_fingerprint() -> None:
    assert VIDEO.fingerprint() == replace(VIDEO, parts=()).fingerprint()


HEADERS, MOTION = Part("headers", "video", b"1"), Part("motion", "video", b"")


def test_declared_parts_pass_and_an_absent_one_is_empty() -> None:
    VIDEO.check_parts(Bitstream((HEADERS, MOTION)))


@pytest.mark.parametrize(
    "parts",
    [
        (),
        (HEADERS,),
        (MOTION, HEADERS),
        (HEADERS, MOTION, Part("more", "video", b"")),
        (HEADERS, Part("Motion", "video", b"")),
        (HEADERS, Part("motion", "joint", b"")),
    ],
)
def test_other_bitstreams_are_refused(parts: tuple[Part, ...]) -> None:
    with pytest.raises(
        CodecError, match=r"'mine'.*declares \[\('headers', 'video'\), \('motion', 'video'\)\]"
    ):
        VIDEO.check_parts(Bitstream(parts))


@pytest.mark.usefixtures("example_codecs")
@pytest.mark.parametrize("name", ["broken-part-names", "broken-undeclared", "broken-frame-parts"])
def test_the_harness_writes_no_such_bitstream(name: str, tmp_path: Path) -> None:
    artifacts.save_clip(tmp_path / "clip", CheckClip(frames=2, size=(16, 16)).make(), {})
    point = registry.codec(name).describe()[1][0]
    with pytest.raises(CodecError, match="parts"):
        coding.encode(name, point, tmp_path / "clip", tmp_path / "one.tkb", "cpu")
    assert not (tmp_path / "one.tkb").exists()


def test_a_bitstream_without_its_empty_part_is_still_read() -> None:
    """Before parts were declared, video codecs left out `inter` of a clip of one picture."""
    old = Bitstream.from_bytes(Bitstream((HEADERS,)).to_bytes())
    assert old["headers"] == b"1"


@pytest.mark.parametrize("total", [0, 1, 5, 9])
@pytest.mark.parametrize("parts", [1, 2, 3, 4])
def test_boundaries_are_counted(total: int, parts: int) -> None:
    def cuts(left: int, pieces: int) -> int:
        return 1 if pieces == 1 else sum(cuts(left - first, pieces - 1) for first in range(left + 1))

    assert boundary_bits(total, parts) == pytest.approx(math.log2(cuts(total, parts)))


def test_recipes_that_differ_in_noise_show_the_same_scene() -> None:
    one, other = (CheckClip(noise=noise, fps=Fraction(25)).make() for noise in (1, 2))
    assert not one.video.equal(other.video)
    assert (one.video.float() - other.video.float()).abs().max() < 25
    assert not one.audio.equal(other.audio)
    assert (one.audio - other.audio).abs().max() < 0.05

"""Of a slow codec few points are tried: whole lines of a grid; its verdict is still right."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, cast

import pytest
from talkbench.benchmark.api.types import Bitstream, Part
from talkbench.benchmark.conformance import rules_payload
from talkbench.benchmark.conformance.bench import Bench, CheckResult, Process
from talkbench.benchmark.conformance.clips import CheckClip
from talkbench.benchmark.conformance.worker import EncodedClip, Identity
from talkbench.benchmark.stages import coding

GRID = {f"v{v}a{a}": {"v": v, "a": a} for v in range(5) for a in range(5)}


@dataclass
class Encoder:
    """Says that each encode took `seconds`, whose bits are as `sizes` (bytes) has them."""

    sizes: dict[str, int]
    seconds: float
    tried: list[str] = field(default_factory=list)

    def encode(self, point: str, recipe: CheckClip) -> EncodedClip:
        self.tried.append(point)
        data = Bitstream((Part("a", "joint", bytes(self.sizes[point])),)).to_bytes()
        return EncodedClip(data, self.seconds, (), input_changed=False)


def judge(
    sizes: dict[str, int], seconds: float, params: dict[str, Any], modalities: tuple[str, ...]
) -> tuple[CheckResult, list[str]]:
    encoder = Encoder(sizes, seconds)
    points = {name: json.dumps(values) for name, values in params.items()}
    identity = Identity(None, "", "", modalities, points, 0.0, heavy=False, parts="")
    bench = Bench("slow", cast("Process", encoder), cast("Process", encoder), identity=identity)
    bench.first = EncodedClip(b"", seconds, (), input_changed=False)
    (result,) = rules_payload.ladder(bench)
    return result, encoder.tried


def right() -> dict[str, int]:
    """Rates rise along every line, and fall from one line's end to the next one's beginning."""
    return {name: 100 + 10 * values["v"] + 37 * values["a"] for name, values in GRID.items()}


@pytest.mark.parametrize("seconds", [0.1, 1.3, 2, 3, 5, 7, 30, 100])
def test_a_right_grid_passes_however_slow(seconds: float) -> None:
    result, tried = judge(right(), seconds, GRID, ("video", "audio"))
    assert result.ok, result.message
    assert len(tried) <= max(9, 120 / seconds)


@pytest.mark.parametrize("seconds", [0.1, 1, 3, 5])
@pytest.mark.parametrize("free", ["v", "a"])
def test_a_grid_that_falls_everywhere_along_one_parameter_is_caught(seconds: float, free: str) -> None:
    other = "a" if free == "v" else "v"
    sizes = {name: 500 - 10 * values[free] + 37 * values[other] for name, values in GRID.items()}
    result, _ = judge(sizes, seconds, GRID, ("video", "audio"))
    assert result.ok is False


@pytest.mark.parametrize("line", range(5))
def test_a_grid_that_is_wrong_on_one_line_is_caught(line: int) -> None:
    result, _ = judge(right() | {f"v{line}a3": 90}, 4, GRID, ("video", "audio"))
    assert result.ok is False
    assert f"'v{line}a3'" in result.message


@pytest.mark.parametrize("seconds", [6, 12, 60])
def test_a_slow_grid_that_is_wrong_on_a_line_that_is_tried_is_caught(seconds: float) -> None:
    result, tried = judge(right() | {"v4a3": 90}, seconds, GRID, ("video", "audio"))
    assert result.ok is False
    assert "'v4a3'" in result.message
    assert len(tried) < len(GRID)


@pytest.mark.parametrize("seconds", [0.1, 8, 100])
def test_of_a_ladder_points_are_tried_with_its_ends(seconds: float) -> None:
    params = {f"p{at}": {"q": at} for at in range(21)}
    sizes = {name: 10 + values["q"] for name, values in params.items()}
    result, tried = judge(sizes, seconds, params, ("video",))
    assert result.ok
    assert {"p0", "p20"} <= set(tried)
    assert len(tried) == min(21, max(4, int(120 / seconds)))
    falling = dict(zip(params, reversed(sizes.values()), strict=True))
    assert judge(falling, seconds, params, ("video",))[0].ok is False


@pytest.mark.parametrize("count", range(4, 30))
def test_some_lines_keeps_lines_whole(count: int) -> None:
    lines = [[f"v{v}a{a}" for a in range(5)] for v in range(5)]
    lines += [list(line) for line in zip(*lines, strict=True)]
    found = rules_payload.some_lines(lines, count)
    assert all(line in lines for line in found)
    assert len(set(itertools.chain(*found))) <= max(count, 9)
    directions = {line[0][:2] == line[1][:2] for line in found}
    assert directions == {True, False}


def test_the_warm_up_is_one_second_or_the_clip() -> None:
    for frames, fps, wanted in (
        (60, Fraction(25), 25),
        (10, Fraction(25), 10),
        (60, Fraction(30000, 1001), 30),
    ):
        beginning = coding._beginning(CheckClip(frames=frames, size=(8, 8), fps=fps).make())
        assert beginning.spec.frames == wanted
        assert beginning.spec.samples == min(16000, round(frames / fps * 16000))

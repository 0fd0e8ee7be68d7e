"""`check` lets every codec through that keeps the contract, and catches each one that breaks it by name."""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from talkbench.benchmark.conformance import bench
from talkbench.benchmark.conformance.check import CheckResult, check
from talkbench.benchmark.conformance.clips import CheckClip
from talkbench.benchmark.conformance.rules import RULES
from talkbench.benchmark.execution.executors import LocalExecutor
from talkbench.benchmark.util.errors import UsageError

BROKEN = {  # codec -> the rule that catches it
    "broken-raises": "encode",
    "broken-raises-raw": "encode",
    "broken-out-of-memory": "encode",
    "broken-hangs": "encode",
    "broken-exits": "encode",
    "broken-load": "load",
    "broken-raises-in-decode": "output",
    "broken-hangs-in-decode": "output",
    "broken-segfaults": "output",
    "broken-shape": "output",
    "broken-dtype": "output",
    "broken-nan": "output",
    "broken-loud": "output",
    "broken-late": "aligned",
    "broken-mumbles": "aligned",
    "broken-empty": "ledger",
    "broken-undeclared": "parts",
    "broken-many-parts": "parts",
    "broken-wrong-stream": "parts",
    "broken-part-names": "encode",
    "broken-frame-parts": "encode",
    "broken-part-number": "one-frame",
    "broken-part-order": "encode",
    "broken-part-stream": "encode",
    "broken-non-empty-parts": "emptiness",
    "broken-either-part": "emptiness",
    "broken-step-in-length": "boundaries",
    "broken-checksum-in-length": "boundaries",
    "broken-input": "input-untouched",
    "broken-estimated": "payload-decides",
    "broken-padding": "payload-needed",
    "broken-timeline": "timeline",
    "broken-unneeded-part": "payload-needed",
    "broken-global": "fresh-process",
    "broken-temporary-file": "fresh-process",
    "broken-fixed-file": "leaves-nothing",
    "broken-stateful-decoder": "repeatable-decode",
    "broken-random-decoder": "repeatable-decode",
    "broken-random-encoder": "repeatable-encode",
    "broken-hash-order": "repeatable-encode",
    "broken-ladder": "ladder",
    "broken-flat-ladder": "ladder",
    "broken-grid": "ladder",
    "broken-description": "description",
    "broken-identity": "identity",
    "broken-name": "name",
    "broken-heavy": "light-description",
    "broken-truncation": "damage",
    "broken-raw-error": "damage",
    "broken-hangs-on-damage": "damage",
    "broken-hears-audio": "no-audio",
    "broken-one-frame": "one-frame",
}
ALSO = {  # what else must, and what must not, be said
    "broken-global": ({"fresh-process"}, {"output", "encode"}),
    "broken-fixed-file": ({"leaves-nothing", "payload-decides"}, {"output", "encode"}),
    "broken-estimated": ({"payload-decides", "payload-needed", "fresh-process"}, {"output", "encode"}),
    "broken-ladder": ({"ladder"}, {"output", "payload-needed"}),
    "broken-description": ({"description"}, {"identity"}),
}


class Caught(Exception):
    """Ends a check as soon as it has said what was to be shown."""


def failed(results: list[CheckResult]) -> dict[str, str]:
    return {result.name: result.message for result in results if result.ok is False}


def names(results: list[CheckResult]) -> list[str]:
    return [result.name for result in results]


@pytest.mark.parametrize("name", ["example", "fake-video", "fake-audio", "fake-joint"])
@pytest.mark.usefixtures("example_codecs")
def test_good_codecs_pass(name: str) -> None:
    seen: list[CheckResult] = []
    results = check(name, progress=seen.append)
    assert failed(results) == {}
    assert seen == results
    assert len(set(names(results))) == len(results)


@pytest.mark.usefixtures("example_codecs")
def test_a_slow_codec_has_more_time_for_longer_clips() -> None:
    """It takes 3 s for 0.4 s, and 7.5 s for the second that `aligned` asks for."""
    results = check("fake-slow", step_limit_s=6)
    assert failed(results) == {}
    assert {result.name: result.ok for result in results}["aligned"]


class LastingExecutor(LocalExecutor):
    """Keeps its process from one check to the next: importing torch takes longer than judging a fake."""

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def lasting(
    example_site: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Iterator[LocalExecutor]]:
    with pytest.MonkeyPatch.context() as patch:
        # A process that died is replaced at once, maybe between two tests: it needs the package there too.
        for folder in example_site:
            patch.syspath_prepend(folder)
        patch.setenv("BROKEN_CODEC_FOLDER", str(tmp_path_factory.mktemp("fixed")))
        # Their processes get the environment as it is when these are made.
        pair = [LastingExecutor(1, ["cpu"]) for _ in range(2)]
        yield itertools.cycle(pair)
    for executor in pair:
        LocalExecutor.close(executor)


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.usefixtures("example_codecs")
def test_broken_codecs_are_caught(
    name: str, monkeypatch: pytest.MonkeyPatch, lasting: Iterator[LocalExecutor]
) -> None:
    if name != "broken-heavy":  # which must be seen to import torch, so nothing else may have done it before
        monkeypatch.setattr(bench, "LocalExecutor", lambda workers, devices: next(lasting))
    seen: list[CheckResult] = []

    def stop_when_caught(result: CheckResult) -> None:
        seen.append(result)
        if name not in ALSO and result.name == BROKEN[name] and result.ok is False:
            raise Caught

    with contextlib.suppress(Caught):
        check(name, progress=stop_when_caught, step_limit_s=3 if "hangs" in name else 60)
    found = failed(seen)
    assert BROKEN[name] in found, found
    must, must_not = ALSO.get(name, (set[str](), set[str]()))
    assert must <= set(found)
    assert not must_not & set(found)


@pytest.mark.usefixtures("example_codecs")
def test_each_broken_codec_is_tried() -> None:
    from talkbench.benchmark.api import registry

    broken = {name for name in registry.names("codecs") if name.startswith("broken-")}
    assert broken == {*BROKEN, "broken-unavailable"}


@pytest.mark.usefixtures("example_codecs")
def test_an_unavailable_codec_is_not_judged() -> None:
    results = check("broken-unavailable")
    assert {result.ok for result in results} == {None}
    assert "talkbench weights fetch broken" in results[0].message


@pytest.mark.usefixtures("example_codecs")
def test_after_a_hang_the_rest_is_named_and_not_judged() -> None:
    good, hung = check("fake-video"), check("broken-hangs", step_limit_s=3)
    assert names(good) == names(hung)
    assert "3 s" in failed(hung)["encode"]
    assert all(result.ok is None for result in hung[names(hung).index("encode") + 1 :])


def test_the_guide_explains_each_rule() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "adding-a-codec.md").read_text()
    table = guide[guide.index("| rule |") : guide.index("`skip` means")]
    cells = [line.split("|")[1] for line in table.splitlines() if line]
    explained = {name for cell in cells for name in re.findall(r"`([a-z0-9-]+)`", cell)}
    assert explained == {name for rules, _ in RULES for name in rules}


def test_an_unknown_codec() -> None:
    with pytest.raises(UsageError, match="no-such-codec"):
        check("no-such-codec")


def test_clips_follow_from_their_recipe() -> None:
    one, same, other = CheckClip().make(), CheckClip().make(), CheckClip(seed=2).make()
    assert one.sha256() == same.sha256() != other.sha256()
    assert 0.2 < one.audio.abs().max() <= 1
    assert one.video.float().std() > 20
    assert not CheckClip(silent=True).make().audio.any()
    left, right = CheckClip(channels=2).make().audio
    assert not left.equal(right)

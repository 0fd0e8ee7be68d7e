"""Suite files: what they mean, and what is said of one that is wrong."""

from pathlib import Path

import pytest
from talkbench.benchmark.api.types import Point
from talkbench.benchmark.plan import suite
from talkbench.benchmark.plan.suite import CodecChoice
from talkbench.benchmark.util.errors import UsageError

GOOD = """
name = "mine"
systems = ["a+b"]
[[datasets]]
use = "synthetic"
clips = 2
"""
LADDER = (Point("q2", {"q": 2, "preset": "slow"}), Point("q1", {"q": 1, "preset": "slow"}))


def write(folder: Path, text: str) -> str:
    path = folder / "suite.toml"
    path.write_text(text)
    return str(path)


def test_defaults_and_options(tmp_path: Path) -> None:
    loaded = suite.load(write(tmp_path, GOOD))
    assert loaded.systems == ("a+b",)
    assert loaded.metrics == ()
    assert loaded.datasets[0].options == {"clips": 2}
    assert loaded.matched_kbps == (2.0, 5.0, 10.0, 20.0)


def test_equal_suites_have_equal_hashes_and_others_do_not(tmp_path: Path) -> None:
    one = suite.load(write(tmp_path, GOOD))
    assert one.sha256() == suite.load(write(tmp_path, GOOD + "\n# a comment")).sha256()
    assert one.sha256() != one.override(metrics=["psnr"]).sha256()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name = ", "not valid TOML"),
        (GOOD.replace('name = "mine"', ""), "key 'name' is missing"),
        (GOOD.replace('name = "mine"', "name = 3"), "name must be a text, got 3"),
        (GOOD.replace('["a+b"]', '"a+b"'), "systems must be a list"),
        (GOOD.replace('["a+b"]', "[1]"), "systems[0] must be the name of a system"),
        (GOOD.replace('use = "synthetic"', ""), "needs use"),
        ("speed = 3\n" + GOOD, "unknown key 'speed'"),
        ("keep_decoded = 1\n" + GOOD, "keep_decoded must be true or false, got 1"),
        ("matched_kbps = [0]\n" + GOOD, "matched_kbps[0] must be a number above 0"),
        (GOOD + '[anchors]\npicture = "a"', "anchors.picture"),
        (GOOD + "[codecs.a]\nqp = 3", "unknown key 'codecs.a.qp'; there are points, params"),
        (GOOD + "[codecs.a]\npoints = [3]", "codecs.a.points"),
    ],
)
def test_a_wrong_file_is_named_with_key_and_mend(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError, match=r"suite\.toml: ") as caught:
        suite.load(write(tmp_path, text))
    assert words in str(caught.value)


def test_a_ladder_is_chosen_changed_and_extended() -> None:
    assert CodecChoice().ladder("a", LADDER) == list(LADDER)
    assert CodecChoice(points=("q1",)).ladder("a", LADDER) == [LADDER[1]]
    fast = CodecChoice(params={"preset": "fast"}).ladder("a", LADDER)
    assert [dict(point.params) for point in fast] == [{"q": 2, "preset": "fast"}, {"q": 1, "preset": "fast"}]
    new = CodecChoice(points=({"name": "q9", "q": 9},)).ladder("a", LADDER)
    assert new == [Point("q9", {"q": 9, "preset": "slow"})]


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        (CodecChoice(points=("q7",)), "no point 'q7'; it has q2, q1"),
        (CodecChoice(points=({"name": "q9", "speed": 1},)), "no parameter 'speed'"),
        (CodecChoice(params={"speed": 1}), "no parameter 'speed'; its points have preset, q"),
    ],
)
def test_a_ladder_that_the_codec_does_not_have(choice: CodecChoice, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        choice.ladder("a", LADDER)
    assert words in str(caught.value)


def test_every_shipped_suite_loads() -> None:
    for name in suite.names():
        loaded = suite.load(name)
        assert loaded.name == name
        assert loaded.title

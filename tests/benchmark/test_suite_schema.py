"""What a suite may say: all else is one line that names the key; what is taken runs to its archive."""

import json
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from talkbench.benchmark.api.types import Point
from talkbench.benchmark.cli import main
from talkbench.benchmark.plan import plan, suite
from talkbench.benchmark.plan.suite import CodecChoice, Suite
from talkbench.benchmark.sharing.manifest import Manifest
from talkbench.benchmark.store import validation
from talkbench.benchmark.util.errors import UsageError


def a_suite(**changes: Any) -> dict[str, Any]:
    values = {
        "name": "mine",
        "systems": ["still+opus", "hevc"],
        "datasets": [{"use": "synthetic", "clips": 1}],
        **changes,
    }
    return {name: value for name, value in values.items() if value is not None}


def loaded(folder: Path, values: dict[str, Any]) -> Suite:
    path = folder / "suite.toml"
    path.write_text(tomli_w.dumps(values), encoding="utf-8")
    return suite.load(str(path))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"systmes": ["vvc"]}, "unknown key 'systmes'; did you mean 'systems'?"),
        ({"codecs": {"vvc": {"param": {}}}}, "unknown key 'codecs.vvc.param'; did you mean 'params'?"),
        ({"systems": ["vvc", "hevc", "vvc"]}, "systems has 'vvc' twice, at 0 and 2"),
        ({"metrics": ["psnr", "psnr"]}, "metrics has 'psnr' twice"),
        ({"datasets": [{"use": "synthetic"}, {"use": "synthetic"}]}, "datasets has a table of 1 twice"),
        ({"codecs": {"vvc": {"points": ["qp32", "qp37", "qp32"]}}}, "codecs.vvc.points has 'qp32' twice"),
        (
            {"codecs": {"vvc": {"points": ["x", {"name": "x", "qp": 3}]}}},
            "codecs.vvc.points has 'x' twice",
        ),
        ({"systems": []}, "systems must be a list of one or more"),
        ({"metrics": []}, "metrics must be a list of one or more"),
        ({"codecs": {"vvc": {"points": []}}}, "codecs.vvc.points must be a list of one or more"),
        ({"codecs": {"vvc": {"points": "qp32"}}}, "codecs.vvc.points must be a list, got 'qp32'"),
        ({"codecs": {"vvc": {"points": 3}}}, "codecs.vvc.points must be a list, got 3"),
        ({"codecs": {"vvc": {"params": [1]}}}, "codecs.vvc.params must be a table, got a list of 1"),
        ({"codecs": {"vvc": {"params": {"qp": True}}}}, "codecs.vvc.params.qp must be a number or a text"),
        ({"codecs": {"vvc": {"params": {"qp": float("nan")}}}}, "must be a finite number, got nan"),
        ({"codecs": {"vvc": {"params": {"qp": 1 << 60}}}}, "a number of 61 bits"),
        (
            {"codecs": {"vvc": {"points": [{"name": "a", "qp": float("inf")}]}}},
            "points[0] qp must be a finite",
        ),
        ({"codecs": 3}, "codecs must be a table, got 3"),
        ({"time_limit_s": 0}, "time_limit_s must be a number above 0"),
        ({"time_limit_s": -5.0}, "time_limit_s must be a number above 0"),
        ({"time_limit_s": True}, "time_limit_s must be a number above 0 to 2.592e+06, got true"),
        ({"time_limit_s": float("inf")}, "time_limit_s must be"),
        ({"time_limit_s": float("nan")}, "time_limit_s must be"),
        ({"previews": 1.0}, "previews must be a whole number from 0"),
        ({"previews": True}, "previews must be a whole number from 0"),
        ({"previews": -1}, "previews must be a whole number from 0"),
        ({"preview_megabytes": -0.5}, "preview_megabytes must be a number from 0"),
        ({"matched_kbps": [2.0, 2]}, "matched_kbps has 2.0 twice"),
        ({"matched_kbps": [True]}, "matched_kbps[0] must be a number above 0"),
        ({"matched_kbps": 2.0}, "matched_kbps must be a list"),
        ({"name": "../up"}, "name '../up' is not a name"),
        ({"name": "<b>"}, "name '<b>' is not a name"),
        ({"name": ".hidden"}, "is not a name"),
        ({"name": ""}, "is not a name"),
        ({"name": "a\x00b"}, "is not a name"),
        ({"name": "n" * 201}, "is not a name"),
        ({"title": "t" * 201}, "title has 201 characters"),
        ({"title": "two\nlines"}, "title 'two\\nlines' holds a control character"),
        ({"systems": ["a|b"]}, "systems[0] 'a|b' is not a system"),
        ({"systems": ["vvc+"]}, "systems[0] 'vvc+' is not a system"),
        ({"codecs": {"vvc": {"points": ["a|b"]}}}, "codecs.vvc.points[0] 'a|b' is not a name"),
        ({"codecs": {"vvc": {"points": [{"name": "a/b", "qp": 3}]}}}, "'a/b' is not a name"),
        ({"datasets": [{"use": 3}]}, "datasets[0] needs use"),
        ({"datasets": [{"use": "synthetic", "clips": float("inf")}]}, "datasets[0] clips must be a finite"),
        ({"datasets": [{"use": "synthetic", "clips": [1]}]}, "datasets[0] clips must be a number, a text"),
        ({"datasets": {"use": "synthetic"}}, "datasets must be a list"),
        ({"metric_options": {"whisper": 3}}, "metric_options.whisper must be a table"),
        ({"metric_options": {"whisper": {"size": [3]}}}, "metric_options.whisper.size must be a number or a"),
        ({"anchors": {"video": 3}}, "anchors.video must be the name of a system"),
        ({"anchors": ["hevc"]}, "anchors must be a table"),
    ],
)
def test_what_no_suite_may_say(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=r"suite\.toml: ") as caught:
        loaded(tmp_path, a_suite(**changes))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"anchors": {"video": "av1"}}, "anchors.video: no system of this suite is called 'av1'"),
        ({"anchors": {"total": "still+opsu"}}, "did you mean 'still+opus'?"),
        ({"anchors": {"video": "opus"}}, "anchors.video: 'opus' codes audio only"),
        ({"anchors": {"audio": "hevc"}}, "anchors.audio: 'hevc' codes video only"),
        ({"codecs": {"hevc": {"params": {"qp": "low"}}}}, "qp must be a whole number"),
        ({"codecs": {"hevc": {"params": {"qp": 3.0}}}}, "qp must be a whole number"),
        ({"codecs": {"hevc": {"params": {"preset": 3}}}}, "preset must be a text"),
        ({"codecs": {"hevc": {"params": {"qpp": 3}}}}, "no parameter 'qpp'; did you mean 'qp'?"),
        ({"codecs": {"hevc": {"params": {"qp": 30}}}}, "have the same parameters"),
        ({"metric_options": {"psnr": {"size": 3}}}, "metric_options.psnr"),
        (
            {"datasets": [{"use": "synthetic", "clips": 1}, {"use": "synthetic", "clips": 2}]},
            "two datasets are called 'synthetic'",
        ),
        ({"datasets": [{"use": "synthetic", "clips": -1}]}, "clips = -1"),
    ],
)
def test_what_no_codec_metric_or_dataset_takes(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        plan.make(loaded(tmp_path, a_suite(**changes)))
    assert words in str(caught.value)


def test_a_number_may_be_whole_where_a_fraction_may_stand(tmp_path: Path) -> None:
    found = loaded(tmp_path, a_suite(time_limit_s=60, matched_kbps=[2, 4.5]))
    assert found.time_limit_s == 60.0
    assert found.matched_kbps == (2.0, 4.5)


def test_a_ladder_takes_whole_numbers_for_a_parameter_that_has_fractions() -> None:
    ladder = (Point("a", {"rate": 4.5}), Point("b", {"rate": 6}))
    found = CodecChoice(points=({"name": "c", "rate": 5},)).ladder("x", ladder)
    assert [point.params for point in found] == [{"rate": 5}]


@pytest.mark.parametrize(
    "text", [b"name = '\xff'", b"a = " + b"[" * 5000, b"a = " + b"9" * 5000, b"#" * (2 << 20)]
)
def test_a_file_that_is_no_toml_is_one_line(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "suite.toml"
    path.write_bytes(text)
    with pytest.raises(UsageError, match=r"suite\.toml: "):
        suite.load(str(path))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--codecs", ","], "--codecs ',' contains no name"),
        (["--metrics", " "], "--metrics ' ' contains no name"),
        (["--codecs", "vvc,vvc"], "systems has 'vvc' twice"),
        (["--metrics", "psnr,psnr"], "metrics has 'psnr' twice"),
        (["--points", "vvc=qp32", "--points", "vvc=qp37"], "--points names 'vvc' twice"),
        (["--points", "vvc=qp32,qp32"], "codecs.vvc.points has 'qp32' twice"),
        (["--points", "vcv=qp32"], "no system of this suite has the codec 'vcv'"),
        (["--points", "vvc=a|b"], "codecs.vvc.points[0] 'a|b' is not a name"),
        (["--points", "=qp32"], "expected CODEC=POINT[,POINT]"),
        (["--previews", "100000000000"], "previews must be a whole number"),
    ],
)
def test_the_command_line_may_say_no_more_than_a_file(
    tmp_path: Path, arguments: list[str], words: str
) -> None:
    from typer.testing import CliRunner

    result = CliRunner().invoke(main.app, ["sweep", "demo", "--out", str(tmp_path), "--dry-run", *arguments])
    assert isinstance(result.exception, UsageError)
    assert words in str(result.exception)


@pytest.mark.parametrize(
    "option", ["--limit=0", "--limit=-3", "--workers=-1", "--workers=999999", "--limit=x"]
)
def test_counts_of_the_command_line_are_bounded(option: str) -> None:
    from typer.testing import CliRunner

    result = CliRunner().invoke(main.app, ["sweep", "demo", "--dry-run", option])
    assert result.exit_code == 2


@pytest.mark.parametrize("name", ["My clips", "a&b <c>", "…", "-x", "ß" * 90])
def test_any_folder_of_recordings_gives_a_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    changed = loaded(tmp_path, a_suite()).override(clips=folder)
    assert loaded(tmp_path, a_suite(name=changed.name, title=changed.title)).name == changed.name


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "use", "points", "qp"]) | st.text(max_size=4), inner, max_size=3
        )
    ),
    max_leaves=8,
)
_SYSTEMS = ["still+opus", "hevc+opus", "hevc", "opus", "still"]
_POINT_TABLES = st.fixed_dictionaries(
    {"name": st.text(max_size=3) | st.just("mine"), "qp": st.integers(0, 60) | st.floats()}
)
_CLIPS = st.fixed_dictionaries({"use": st.just("synthetic")}, optional={"clips": st.integers(-1, 3)})
_KEYS = {
    "name": st.sampled_from(["mine", "a b", "ä"]),
    "title": st.text(max_size=30),
    "systems": st.lists(st.sampled_from(_SYSTEMS), max_size=3),
    "datasets": st.lists(_CLIPS, max_size=2),
    "metrics": st.lists(st.sampled_from(["psnr", "ssim", "pesq"]), max_size=2),
    "codecs": st.dictionaries(
        st.sampled_from(["hevc", "opus"]),
        st.fixed_dictionaries(
            {},
            optional={
                "points": st.lists(st.sampled_from(["qp37", "qp42", "8kbps"]) | _POINT_TABLES, max_size=3),
                "params": st.dictionaries(
                    st.sampled_from(["qp", "preset"]), st.integers() | st.text(max_size=3)
                ),
            },
        ),
        max_size=2,
    ),
    "anchors": st.dictionaries(st.sampled_from(["video", "audio", "total"]), st.sampled_from(_SYSTEMS)),
    "matched_kbps": st.lists(st.floats() | st.integers(-1, 9), max_size=3),
    "time_limit_s": st.floats() | st.integers(),
    "quick": st.booleans(),
    "previews": st.integers(-1, 5),
    "preview_megabytes": st.floats(),
}
_STRUCTURES = st.fixed_dictionaries(
    {name: _KEYS[name] for name in ("name", "systems", "datasets")},
    optional={name: values for name, values in _KEYS.items() if name not in ("name", "systems", "datasets")},
)
_RIGHT = st.fixed_dictionaries(
    {
        "name": st.from_regex(r"\w{1,30}", fullmatch=True),
        "systems": st.just(_SYSTEMS),
        "datasets": st.just([{"use": "synthetic", "clips": 1}]),
    },
    optional={
        "title": st.text(st.characters(min_codepoint=32, exclude_categories=("C",)), max_size=200),
        "metrics": st.lists(st.sampled_from(["psnr", "ssim", "pesq"]), min_size=1, max_size=3, unique=True),
        "codecs": st.fixed_dictionaries(
            {
                "hevc": st.fixed_dictionaries(
                    {
                        "points": st.lists(st.integers(0, 51), min_size=1, max_size=5, unique=True).map(
                            lambda qps: [{"name": f"q{qp}", "qp": qp} for qp in qps]
                        )
                    }
                )
            }
        ),
        "anchors": st.fixed_dictionaries({}, optional={"video": st.just("hevc"), "total": st.just("still")}),
        "matched_kbps": st.lists(st.floats(0.001, 1e8), min_size=1, max_size=5, unique=True),
        "time_limit_s": st.floats(1e-3, 1e6),
        "preview_megabytes": st.floats(0, 1e6),
        "previews": st.integers(0, 100),
        "quick": st.booleans(),
    },
)


def planned_or_refused(values: dict[str, Any]) -> tuple[Suite, plan.Plan] | UsageError:
    try:
        found = suite.of(values)
        return found, plan.make(found, limit=1)
    except UsageError as error:
        return error


@given(values=st.one_of(_STRUCTURES, st.fixed_dictionaries({}, optional=dict.fromkeys(_KEYS, _ANY))))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_structure_is_a_suite_or_one_line(values: dict[str, Any]) -> None:
    made = planned_or_refused(values)
    if isinstance(made, UsageError):
        assert "\n" not in str(made)
    else:
        runs_to_its_archive(*made)


@given(values=_RIGHT)
@settings(max_examples=50, deadline=None)
def test_a_suite_of_right_values_runs_to_its_archive(values: dict[str, Any]) -> None:
    made = planned_or_refused(values)
    assert not isinstance(made, UsageError), made
    runs_to_its_archive(*made)


def runs_to_its_archive(found: Suite, planned: plan.Plan) -> None:
    assert planned.items
    for codec in planned.codecs.values():
        assert len({point.name for point in codec.points}) == len(codec.points)
    resolved = json.loads(json.dumps(found.resolved(), allow_nan=False))
    assert validation.shape_problem("runs", "suite_resolved", resolved) is None
    written = Manifest("0", found.name, "", "", {}, {})
    assert Manifest.from_bytes(written.to_bytes()) == written
    assert found.override() == found

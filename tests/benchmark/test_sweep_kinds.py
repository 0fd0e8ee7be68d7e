"""Metrics of pairs, of sets and of the reference through the whole sweep, with fake codecs and metrics."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from talkbench.benchmark.plan import plan, suite
from talkbench.benchmark.store import artifacts
from talkbench.benchmark.util.errors import UsageError

Run = Callable[..., subprocess.CompletedProcess[str]]
Ask = Callable[[Path, str], list[tuple[Any, ...]]]
METRICS = ("psnr", "fake_sync", "fake_distance", "fake_level")


def test_pairs_sets_and_the_reference_have_their_rows(
    tiny_suite: Callable[..., Path], talkbench: Run, ask: Ask, tmp_path: Path, tables: Any
) -> None:
    out = tmp_path / "out"
    one = tiny_suite(["fake-video+fake-audio"], metrics=METRICS, odd=True)
    ended = talkbench("sweep", one, "--out", out)
    assert ended.returncode == 1, ended.stdout + ended.stderr  # the damaged clip
    # Of each of two whole clips: 5 × 5 pairs, 5 pictures and 5 sounds with the clip's own other half, itself.
    assert ask(out, "SELECT count(*) FROM pair_scores WHERE status = 'ok'") == [(2 * (25 + 5 + 5 + 1),)]
    both = "video_encode_id LIKE 'reference:%' AND audio_encode_id = video_encode_id"
    assert ask(out, f"SELECT count(*) FROM pair_scores WHERE {both}") == [(2,)]
    # The level of the sound: coded five ways, and of each clip that has a sound.
    levels = "SELECT count(*) FROM scores WHERE metric = 'fake_level' AND encode_id {} LIKE 'reference:%'"
    assert ask(out, levels.format("NOT")) == [(10,)]
    assert ask(out, levels.format("")) == [(2,)]
    # One value per point over the three clips with a picture, ten frames each.
    sets = "SELECT count(*), min(n), max(n), min(clips), min(note) FROM set_scores WHERE status = 'ok'"
    assert ask(out, sets) == [(5, 30, 30, 3, "only 30 frames")]
    curve = "FROM rd_points WHERE system = 'fake-video' AND metric = 'fake_distance' ORDER BY kbps_video"
    values = [value for (value,) in ask(out, f"SELECT value {curve}")]
    assert len(values) == 5
    assert values[0] > values[-1]
    grid = (
        "SELECT count(*), min(n_scored) FROM rd_points "
        "WHERE system = 'fake-video+fake-audio' AND metric = '{}'"
    )
    assert ask(out, grid.format("fake_sync")) == [(25, 2)]
    assert ask(out, grid.format("fake_distance")) == [(25, 2)]  # of a pair: clips that have both
    assert ask(out, "SELECT metric, n_scored FROM reference_points ORDER BY metric") == [
        ("fake_level", 2),
        ("fake_sync", 2),
    ]

    before = tables(out)
    again = talkbench("sweep", one, "--out", out)
    worked = "SELECT prepare_s + encode_s + decode_s + score_s FROM runs ORDER BY started_at DESC LIMIT 1"
    assert ask(out, worked) == [(0.0,)], again.stdout
    assert tables(out) == before

    # Another codec brings its own pairs and sets, and nothing that was there is made again.
    two = tiny_suite(["fake-video+fake-audio", "fake-joint"], metrics=METRICS, odd=True)
    talkbench("sweep", two, "--out", out)
    assert ask(out, "SELECT count(*) FROM pair_scores WHERE status = 'ok'") == [
        (2 * (36 + 3 * 9),)
    ]  # of a joint point: both, and each with the clip
    assert ask(out, "SELECT count(*) FROM set_scores") == [(14,)]
    firsts = (
        "SELECT count(DISTINCT run_id) FROM pair_scores WHERE audio_encode_id LIKE 'reference:%' "
        "AND video_encode_id NOT IN (SELECT encode_id FROM encodes WHERE codec = 'fake-joint')"
    )
    assert ask(out, firsts) == [(1,)]


def test_set_scores_follow_their_features(
    tiny_suite: Callable[..., Path], talkbench: Run, ask: Ask, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    small = tiny_suite(["fake-video"], metrics=("fake_distance",), clips=1)
    assert talkbench("sweep", small, "--out", out).returncode == 0
    assert ask(out, "SELECT DISTINCT n, clips FROM set_scores") == [(10, 1)]
    large = tiny_suite(["fake-video"], metrics=("fake_distance",), clips=3)
    assert talkbench("sweep", large, "--out", out).returncode == 0
    assert ask(out, "SELECT DISTINCT n, clips FROM set_scores") == [(30, 3)]
    # A file of features that is lost is made again; the value is what it was.
    values = ask(out, "SELECT point, value FROM set_scores ORDER BY ALL")
    (encode_id, fingerprint, *_), *_ = ask(
        out, "SELECT encode_id, fingerprint FROM set_features ORDER BY ALL"
    )
    artifacts.features_path(out, encode_id, fingerprint).unlink()
    assert talkbench("sweep", large, "--out", out).returncode == 0
    assert artifacts.features_path(out, encode_id, fingerprint).is_file()
    assert ask(out, "SELECT point, value FROM set_scores ORDER BY ALL") == values
    # One that was tampered with is not used.
    np.save(artifacts.features_path(out, encode_id, fingerprint), np.zeros((10, 3), np.float32))
    assert talkbench("sweep", large, "--out", out, "--rescore", "fake_distance").returncode == 0
    assert ask(out, "SELECT point, value FROM set_scores ORDER BY ALL") == values


def test_a_pair_that_fails_is_a_row(
    tiny_suite: Callable[..., Path], talkbench: Run, ask: Ask, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    suite_file = tiny_suite(["fake-video+fake-audio"], metrics=("fake_fragile",), clips=1)
    ended = talkbench("sweep", suite_file, "--out", out)
    assert ended.returncode == 1
    assert "fake_fragile of fake-video with fake-audio" in ended.stdout
    rows = ask(
        out,
        "SELECT status, value IS NULL, any_value(error), count(*) FROM pair_scores GROUP BY ALL ORDER BY ALL",
    )
    assert rows == [
        ("failed", True, "ValueError: this metric fails on coded pictures", 30),
        ("ok", False, None, 6),
    ]


def test_the_quick_form_is_its_own_metric_and_tells_its_deviation(
    tiny_suite: Callable[..., Path], talkbench: Run, ask: Ask, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    suite_file = tiny_suite(["fake-video+fake-audio"], metrics=METRICS, clips=1)
    assert talkbench("sweep", suite_file, "--out", out).returncode == 0
    quick = talkbench("sweep", suite_file, "--out", out, "--quick")
    assert quick.returncode == 0, quick.stdout + quick.stderr
    assert "quick: fake_level is off by" in quick.stdout
    assert "quick: fake_distance is off by" in quick.stdout
    kinds = "SELECT metric, count(DISTINCT fingerprint) FROM {} GROUP BY metric ORDER BY metric"
    assert ask(out, kinds.format("scores")) == [("fake_level", 2), ("psnr", 1)]
    assert ask(out, "SELECT count(*) FROM (SELECT DISTINCT fingerprint FROM set_features)") == [(2,)]
    selected = (
        "SELECT DISTINCT m.options->>'precision' FROM rd_points JOIN metrics m USING (metric, fingerprint) "
        "WHERE metric = 'fake_level'"
    )
    assert ask(out, selected) == [("bf16",)]
    ((exact, value),) = ask(
        out,
        "SELECT CAST(detail->'quick'->>'exact' AS DOUBLE), value FROM scores "
        "WHERE (detail->'quick') IS NOT NULL",
    )
    assert exact == pytest.approx(value, abs=0.006)


def test_metric_options_come_from_the_suite(tiny_suite: Callable[..., Path]) -> None:
    path = tiny_suite(["fake-audio"], metrics=("fake_level",))
    text = path.read_text()
    fingerprints = []
    for options in (
        "",
        "[metric_options.fake-level]\npower = 2\n",
        "[metric_options.fake-level]\npower = 3\n",
    ):
        path.write_text(text + options)
        (metric,) = plan.metrics(suite.load(str(path)))
        fingerprints.append(metric.info.fingerprint())
    assert len(set(fingerprints)) == 3
    path.write_text(text + '[metric_options.fake-level]\ncolour = "red"\n')
    with pytest.raises(UsageError, match=r"metric_options.fake-level: colour"):
        plan.metrics(suite.load(str(path)))
    path.write_text(text + "[metric_options.nobody]\npower = 2\n")
    with pytest.raises(UsageError, match="nobody"):
        plan.metrics(suite.load(str(path)))


def test_a_metric_without_its_weights_is_unavailable_and_says_what_to_do(
    tiny_suite: Callable[..., Path], talkbench: Run, ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TORCH_HOME", "HF_HOME", "TALKBENCH_WEIGHTS"):
        monkeypatch.setenv(name, str(tmp_path / "nothing"))
    (tmp_path / "nothing").mkdir()
    out = tmp_path / "out"
    ended = talkbench("sweep", tiny_suite(["fake-video"], metrics=("psnr", "dists"), clips=1), "--out", out)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "talkbench weights fetch" in ended.stdout
    ((status, error),) = ask(out, "SELECT status, error FROM metrics WHERE metric = 'dists'")
    assert status == "unavailable"
    assert "talkbench weights fetch" in error
    assert ask(out, "SELECT count(*) FROM scores WHERE metric = 'dists'") == [(0,)]
    assert "talkbench weights fetch" in (out / "report" / "trust.html").read_text()

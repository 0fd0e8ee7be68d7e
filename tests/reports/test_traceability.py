"""Numbers of every page, drawn at random, made again from the store's rows with numpy and scipy alone.

Nothing of the report's own code or of the store's views is used: rows of `encodes`, `scores` and
`pair_scores` are read as they are, and joined here.
"""

import json
import re
from collections import defaultdict
from itertools import product
from pathlib import Path

import duckdb
import numpy as np
import pytest
from reading import Tables, reading
from scipy.interpolate import PchipInterpolator

DRAWN = 60
"""Numbers of each kind that are made again."""


def part(path: Path):
    """What a data file delivers."""
    return json.loads(re.fullmatch(r"talkbench\.deliver\(\"[^\"]+\",(.*)\);\n", path.read_text(), re.S)[1])


class Raw:
    """A store's rows, joined in Python: encodes by (codec, point, clip), values by encode and metric."""

    def __init__(self, path: Path):
        with duckdb.connect(str(path), read_only=True) as connection:
            self.encodes = {
                row[:3]: {"id": row[3], "kbps": row[4] / 1000 / row[5], "encode_s": row[6], "seconds": row[5]}
                for row in connection.execute(
                    "SELECT codec, point, clip_id, encode_id, bits_video + bits_audio + bits_joint, "
                    "duration_s, encode_s FROM encodes WHERE status = 'ok' AND decode_status = 'ok'"
                ).fetchall()
            }
            self.scores = {
                (encode_id, metric): (value, weight)
                for encode_id, metric, value, weight in connection.execute(
                    "SELECT encode_id, metric, value, weight FROM scores WHERE status = 'ok'"
                ).fetchall()
            }
            self.pairs = {
                (video, audio, metric): (value, weight)
                for video, audio, metric, value, weight in connection.execute(
                    "SELECT video_encode_id, audio_encode_id, metric, value, weight FROM pair_scores"
                ).fetchall()
            }
            self.metrics = {
                name: {"modality": modality, "higher": higher, "weighted": aggregate == "weighted"}
                for name, modality, higher, aggregate in connection.execute(
                    "SELECT metric, modality, higher_is_better, aggregate FROM metrics"
                ).fetchall()
            }
        self.points = defaultdict(set)
        self.clips = set()
        for codec, point, clip in self.encodes:
            self.points[codec].add(point)
            self.clips.add(clip)

    def settings(self, system):
        """Names of a system's settings: points, or pairs of points."""
        codecs = system.split("+")
        return ["|".join(names) for names in product(*(sorted(self.points[codec]) for codec in codecs))]

    def of_clip(self, system, setting, clip, metric):
        """(kbit/s, value, weight) of one clip, or None where something is missing."""
        keys = [
            (codec, point, clip) for codec, point in zip(system.split("+"), setting.split("|"), strict=True)
        ]
        if not all(key in self.encodes for key in keys):
            return None
        found = [self.encodes[key] for key in keys]
        modality = self.metrics[metric]["modality"]
        if modality == "pair":
            score = self.pairs.get((*(encode["id"] for encode in found), metric))
        else:
            scored = found[0] if len(found) == 1 or modality == "video" else found[1]
            score = self.scores.get((scored["id"], metric))
        return score and (sum(encode["kbps"] for encode in found), *score)

    def mean(self, system, setting, metric, clips=None):
        """(kbit/s, value, number of clips), each clip alike or by its weight."""
        found = [self.of_clip(system, setting, clip, metric) for clip in sorted(clips or self.clips)]
        kbps, values, weights = np.array([row for row in found if row]).T
        weights = weights if self.metrics[metric]["weighted"] else np.ones_like(values)
        return kbps.mean(), np.average(values, weights=weights), len(values)

    def complete(self, system, metric):
        """Clips with a value at every setting."""
        settings = self.settings(system)
        return {
            clip
            for clip in self.clips
            if all(self.of_clip(system, setting, clip, metric) for setting in settings)
        }


def bd_rate(test, anchor):
    """Percent, from curves [(kbit/s, quality)] of rising quality; None where they share no quality."""
    low = max(min(q for _, q in test), min(q for _, q in anchor))
    high = min(max(q for _, q in test), max(q for _, q in anchor))
    if high <= low:
        return None
    areas = []
    for curve in (test, anchor):
        quality, rate = np.array(sorted((q, np.log10(kbps)) for kbps, q in curve)).T
        areas.append(PchipInterpolator(quality, rate).integrate(low, high) / (high - low))
    return 100 * (10 ** (areas[0] - areas[1]) - 1)


@pytest.fixture(scope="module")
def raw(realistic_store):
    return Raw(realistic_store)


@pytest.fixture(scope="module")
def folder(realistic_page):
    return realistic_page.parent


@pytest.fixture(scope="module")
def boards(folder):
    return reading(folder / "index.html").data["boards"]


def drawn(things, count=DRAWN):
    """The same at every run."""
    things = list(things)
    chosen = np.random.default_rng(11).permutation(len(things))[:count]
    return [things[at] for at in chosen]


def test_points_of_curves(raw, folder, boards):
    points = [
        (board["metric"], curve["system"], *row)
        for board in boards
        for curve in part(folder / "data" / "index" / "curves" / f"{board['key']}.js")
        for row in zip(curve["point"], curve["kbps"], curve["value"], curve["clips"], strict=True)
    ]
    assert len(points) > 500
    for metric, system, point, kbps, value, clips in drawn(points):
        assert (kbps, value, clips) == pytest.approx(raw.mean(system, point, metric), rel=1e-5)


def test_bd_rates_between_any_two_systems(raw, folder, boards):
    seen = 0
    for board in drawn([board for board in boards if board["rate"] != "total"], 12):
        found = part(folder / "data" / "index" / "board" / f"{board['key']}.js")
        sign = 1 if raw.metrics[board["metric"]]["higher"] else -1
        for at, (test, anchor) in enumerate(product(found["systems"], repeat=2)):
            if test == anchor:
                continue
            clips = raw.complete(test, board["metric"]) & raw.complete(anchor, board["metric"])
            curves = []
            for system in (test, anchor):
                means = sorted(raw.mean(system, s, board["metric"], clips)[:2] for s in raw.settings(system))
                curves.append([(kbps, sign * value) for kbps, value in means])
            if any(np.any(np.diff([quality for _, quality in curve]) <= 0) for curve in curves):
                continue
            expected, shown = bd_rate(*curves), found["pairs"]["bd"][at]
            assert found["pairs"]["clips"][at] == len(clips)
            assert (shown is None) == (expected is None), (board["metric"], test, anchor)
            if expected is not None:
                assert shown == pytest.approx(expected, rel=1e-5)
                seen += 1
    assert seen >= DRAWN


def test_bd_rates_are_one_number_on_all_pages(folder, boards):
    """The headline's cells, the parts that scripts read and the papers' tables say the same."""
    papers = reading(folder / "papers.html").data
    labels = {board["key"]: (board["rate"], board["label"]) for board in papers["boards"]}
    index = {(board["rate"], board["label"]): board["key"] for board in boards}
    seen = 0
    for path in drawn(sorted((folder / "data" / "papers").glob("bd-*.js")), 6):
        test = papers["systems"][int(path.stem.rsplit("-", 1)[1])]
        for table in part(path):
            board = part(folder / "data" / "index" / "board" / f"{index[labels[table['board']]]}.js")
            names = board["systems"]
            for anchor, shown, low, high, *_ in table["rows"]:
                place = names.index(test) * len(names) + names.index(papers["systems"][anchor])
                pairs = board["pairs"]
                assert (shown, low, high) == (pairs["bd"][place], pairs["low"][place], pairs["high"][place])
                seen += shown is not None
    assert seen >= DRAWN


def test_surfaces_stand_on_means_over_clips_with_every_setting(raw, folder):
    data = reading(folder / "surfaces.html").data["datasets"][0]
    place = folder / "data" / "surfaces" / data["key"]
    metrics = drawn([("video", at, name) for at, name in enumerate(data["video"])], 3)
    metrics += drawn([("audio", at, name) for at, name in enumerate(data["audio"])], 3)
    grids = {
        grid["system"]: grid["sheets"][0] for grid in part(place / "grids.js")["systems"] if grid["sheets"]
    }
    cells = [
        (metric, system, *row)
        for modality, at, metric in metrics
        for system, sheets in part(place / f"{modality}-{at}.js").items()
        for row in zip(grids[system]["points"], grids[system]["kbps"], sheets["0"], strict=True)
    ]
    assert len(cells) > 300
    for metric, system, setting, kbps, value in drawn(cells):
        clips = raw.complete(system, metric)
        assert grids[system]["clips"] == len(clips)
        assert (kbps, value) == pytest.approx(raw.mean(system, setting, metric, clips)[:2], rel=1e-5)


def test_ledger_and_pace(raw, folder):
    data = reading(folder / "bits.html").data
    for row in data["ledger"]:
        found = [
            e["kbps"]
            for (codec, point, _), e in raw.encodes.items()
            if (codec, point) == (row["codec"], row["point"])
        ]
        assert sum(kbps for *_, kbps in row["parts"]) == pytest.approx(np.mean(found), rel=1e-5)
        assert row["clips"] == len(found)
    for row in data["pace"]:
        times = [
            e["seconds"] / e["encode_s"]
            for (codec, point, _), e in raw.encodes.items()
            if (codec, point) == (row["codec"], row["point"])
        ]
        assert row["encode_realtime"] == pytest.approx(np.median(times), rel=1e-5)


def test_worst_and_best_of_each_clip(raw, folder):
    metrics = reading(folder / "clips.html").data["metrics"]
    with_scores = defaultdict(list)
    for (codec, point, clip), encode in raw.encodes.items():
        for metric in raw.metrics:
            if (encode["id"], metric) in raw.scores:
                with_scores[metric, clip].append((raw.scores[encode["id"], metric][0], f"{codec} {point}"))
    for entry in metrics:
        higher = raw.metrics[entry["metric"]]["higher"]
        for clip, row in zip(
            sorted(raw.clips), part(folder / "data" / "clips" / f"metric-{entry['key']}.js"), strict=True
        ):
            found = sorted(with_scores[entry["metric"], clip], reverse=not higher)
            assert row is not None
            assert (row[0], row[2]) == pytest.approx((found[0][0], found[-1][0]), rel=1e-5)
            assert row[1] == pytest.approx(np.median([value for value, _ in found]), rel=1e-5)
            assert (row[3], row[4]) == (found[0][1], found[-1][1])


def test_rates_of_points_on_the_page_of_how_it_was_made(raw, folder):
    html = (folder / "trust.html").read_text()
    seen = 0
    row = re.compile(
        r'<th scope="row" class="text"><span class="system">.*?<b>(.*?)</b>.*?<dl class="facts">(.*?)</dl>',
        re.S,
    )
    for codec, body in row.findall(html):
        for point, text in re.findall(r"<dt>(p\d)</dt><dd>.*?</code> ([\d.]+) kbit/s", body):
            found = [e["kbps"] for (name, at, _), e in raw.encodes.items() if (name, at) == (codec, point)]
            assert float(text) == pytest.approx(np.mean(found), rel=6e-3)
            seen += 1
    assert seen == sum(map(len, raw.points.values()))


def test_table_of_speech(raw, folder):
    reader = Tables()
    reader.feed((folder / "speech.html").read_text())
    heads, *rows = reader.tables["speech-table-1"]
    metrics = [re.split("[↑↓]", head)[1].split(",")[0] for head in heads[3:]]
    assert {"mel_dac_eval", "visqol_speech", "wer_sphinx", "pesq", "stoi"} <= set(metrics)
    assert len(rows) == len(raw.points["encodec"]) + len(raw.points["opus"])
    for name, point, rate, *values in rows:
        codec = name.split()[0]
        for metric, shown in zip(metrics, values, strict=True):
            kbps, value, clips = raw.mean(codec, point, metric)
            assert clips == len(raw.clips)  # so no cell has a note
            assert (float(rate), float(shown)) == (
                pytest.approx(kbps, abs=0.0051),
                pytest.approx(value, abs=5.1e-4),
            )

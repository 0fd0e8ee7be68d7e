"""Builds stores for the report's tests: known rate-distortion laws, with the accidents of real sweeps."""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import talkbench

SCHEMA = Path(talkbench.__file__).parent / "benchmark" / "store" / "schema.sql"
STARTED = datetime.datetime(2025, 11, 20, 9, 30)
FPS, FRAMES = 25.0, 125


@dataclass(frozen=True)
class FakeCodec:
    """rates: mean kbit/s of its points; gain: how many times fewer bits than `gain=1` it needs;
    ceiling: best quality (0 to 1) that it reaches; floor: the least that it ever gives."""

    name: str
    modality: str
    rates: tuple[float, ...]
    gain: float = 1.0
    floor: float = 0.0
    ceiling: float = 1.0
    family: str = "conventional"
    weights: str = "none"
    parts: dict[str, float] = field(default_factory=lambda: {"payload": 1.0})
    seconds: float = 4.0
    unavailable: str = ""


@dataclass(frozen=True)
class FakeMetric:
    """value = low + (high - low) × quality for video and audio, both of 0 to 1."""

    name: str
    modality: str
    low: float
    high: float
    unit: str = ""
    higher_is_better: bool = True
    aggregate: str = "mean"
    kind: str = "frame"
    unavailable: str = ""


VIDEO = (
    FakeCodec("av1", "video", (4, 9, 18, 40, 90), 1.05, parts={"stream": 1.0}, seconds=9),
    FakeCodec("hevc", "video", (6, 13, 26, 55, 120), 0.7, parts={"stream": 1.0}, seconds=2.5),
    FakeCodec(
        "vvc", "video", (4, 8, 17, 38, 85), 1.0, parts={"parameter_sets": 0.08, "stream": 0.92}, seconds=14
    ),
    FakeCodec(
        "fomm",
        "video",
        (2.2, 3.5, 5.5, 9, 14),
        2.6,
        floor=0.28,
        ceiling=0.55,
        family="generative",
        weights="synthetic",
        parts={"keyframe": 0.45, "motion": 0.55},
        seconds=30,
    ),
)
AUDIO = (
    FakeCodec("encodec", "audio", (1.5, 3, 6, 12, 24), 1.8, family="neural", weights="official", seconds=1.5),
    FakeCodec("opus", "audio", (6, 8, 12, 16, 24), 1.0, floor=0.2, seconds=0.2),
)
METRICS = (
    FakeMetric("dists", "video", 0.35, 0.02, higher_is_better=False),
    FakeMetric("lpips_alex", "video", 0.6, 0.03, higher_is_better=False),
    FakeMetric("lpips_vgg", "video", 0.65, 0.05, higher_is_better=False),
    FakeMetric("ms_ssim", "video", 0.6, 0.995),
    FakeMetric("psnr", "video", 22, 42, "dB"),
    FakeMetric("psnr_y", "video", 24, 44, "dB"),
    FakeMetric("ssim", "video", 0.55, 0.98),
    FakeMetric("vmaf", "video", 20, 97),
    FakeMetric("estoi", "audio", 0.4, 0.99, kind="clip"),
    FakeMetric("mel_dac_eval", "audio", 3.0, 0.5, higher_is_better=False, kind="clip"),
    FakeMetric("pesq", "audio", 1.1, 4.5, "MOS", kind="clip"),
    FakeMetric("si_sdr", "audio", -5, 20, "dB", kind="clip"),
    FakeMetric("stoi", "audio", 0.6, 0.995, kind="clip"),
    FakeMetric("stft_dac_eval", "audio", 4.0, 0.8, higher_is_better=False, kind="clip"),
    FakeMetric("visqol_speech", "audio", 1.5, 4.9, "MOS", kind="clip"),
    FakeMetric("wer_sphinx", "audio", 0.9, 0.2, higher_is_better=False, aggregate="weighted", kind="clip"),
    FakeMetric("lse_c", "pair", 2.0, 7.5, kind="pair"),
)


def quality(codec: FakeCodec, kbps: float | np.ndarray) -> np.ndarray:
    """Quality of 0 to 1 at a rate: linear in log rate, so BD-rates between two codecs are known."""
    spread = np.log10(np.asarray(kbps) * codec.gain / 2) / np.log10(100)
    return np.clip(spread, codec.floor, codec.ceiling)


@dataclass
class StoreFactory:
    """What to build; the defaults make a sweep of four video and two audio codecs with a few accidents."""

    video: tuple[FakeCodec, ...] = VIDEO
    audio: tuple[FakeCodec, ...] = AUDIO
    joint: tuple[FakeCodec, ...] = ()
    metrics: tuple[FakeMetric, ...] = METRICS
    clips: tuple[str, ...] = ("amy_01", "bo_02", "cleo_03", "dan_04")
    dataset: str = "synthetic"
    anchors: dict[str, str] = field(
        default_factory=lambda: {"video": "vvc", "audio": "opus", "total": "vvc+opus"}
    )
    failures: dict[tuple[str, str, str], tuple[str, str]] = field(default_factory=dict)
    """(codec, point, clip) → (status, message); '*' stands for any."""
    clip_failures: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    noise: float = 0.02
    finished: bool = True
    runs: bool = True

    def build(self, path: Path) -> Path:
        """Write the store; returns `path`."""
        connection = duckdb.connect(str(path))
        connection.execute(SCHEMA.read_text())
        for table, rows in self._rows().items():
            if rows:
                connection.register("new_rows", pa.Table.from_pylist(rows))
                connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM new_rows")
                connection.unregister("new_rows")
        connection.close()
        return path

    def failure(self, codec: str, point: str, clip: str) -> tuple[str, str] | None:
        for key in ((codec, point, clip), (codec, point, "*"), (codec, "*", clip), (codec, "*", "*")):
            if key in self.failures:
                return self.failures[key]
        return None

    def _rows(self) -> dict[str, list[dict]]:
        encodes, scores, measured = self._encodes()
        return {
            "runs": self._runs() if self.runs else [],
            "datasets": [
                {
                    "dataset": self.dataset,
                    "synthetic": self.dataset == "synthetic",
                    "licence": "Apache-2.0",
                    "note": "",
                }
            ],
            "clips": [self._clip(name) for name in self.clips],
            "codecs": [self._codec(codec) for codec in self.video + self.audio + self.joint],
            "metrics": [self._metric(metric) for metric in self.metrics],
            "systems": self._systems(),
            "encodes": encodes,
            "scores": scores,
            "pair_scores": self._pair_scores(measured),
        }

    def _runs(self) -> list[dict]:
        environment = {
            "cpu": "AMD EPYC 7B13, 2 cores",
            "os": "Linux 6.1",
            "python": "3.11.9",
            "torch": "2.13.0",
        }
        return [
            {
                "run_id": "run-1",
                "started_at": STARTED,
                "finished_at": STARTED + datetime.timedelta(minutes=12) if self.finished else None,
                "command": "talkbench sweep demo",
                "suite": "demo",
                "suite_sha256": "ab" * 32,
                "suite_resolved": json.dumps({"name": "demo", "anchors": self.anchors}),
                "talkbench_version": "0.1.0",
                "git_commit": "0123456789abcdef0123456789abcdef01234567",
                "git_dirty": True,
                "environment": json.dumps(environment),
                "workers": 2,
                "device": "cpu",
                "wall_s": 720.0 if self.finished else None,
                "prepare_s": 14.0,
                "encode_s": 610.0,
                "decode_s": 120.0,
                "score_s": 480.0,
            }
        ]

    def _clip(self, name: str) -> dict:
        failed = self.clip_failures.get(name)
        return {
            "clip_id": f"id-{name}",
            "dataset": self.dataset,
            "name": name,
            "sha256": None if failed else "cd" * 32,
            "frames": FRAMES,
            "height": 256,
            "width": 256,
            "fps": FPS,
            "samples": 80000,
            "sample_rate": 16000,
            "channels": 1,
            "speaker": name.split("_")[0],
            "licence": "Apache-2.0",
            "note": self.notes.get(name, ""),
            "status": "failed" if failed else "ok",
            "error": failed,
            "prepare_s": 1.2,
            "run_id": "run-1",
            "selected": True,
        }

    def _codec(self, codec: FakeCodec) -> dict:
        return {
            "codec": codec.name,
            "fingerprint": f"{codec.name}-print"[:16],
            "version": "1.2",
            "family": codec.family,
            "modalities": ["video", "audio"] if codec.modality == "joint" else [codec.modality],
            "licence": "BSD-3-Clause",
            "paper": "A paper, 2020",
            "weights": codec.weights,
            "build": json.dumps({"lib" + codec.name: "4.1"}),
            "options": json.dumps({"preset": "medium"}),
            "status": "unavailable" if codec.unavailable else "ok",
            "error": codec.unavailable or None,
            "selected": True,
        }

    def _metric(self, metric: FakeMetric) -> dict:
        return {
            "metric": metric.name,
            "fingerprint": f"{metric.name}-print",
            "family": metric.name.split("_")[0],
            "kind": metric.kind,
            "modality": metric.modality,
            "unit": metric.unit,
            "higher_is_better": metric.higher_is_better,
            "bound_low": None,
            "bound_high": None,
            "definition": f"What {metric.name} is, in one sentence.",
            "paper": "A metric's paper",
            "aggregate": metric.aggregate,
            "build": json.dumps({"own": "1"}),
            "options": "{}",
            "status": "unavailable" if metric.unavailable else "ok",
            "error": metric.unavailable or None,
            "selected": True,
        }

    def _systems(self) -> list[dict]:
        def system(name: str, kind: str, video: str | None, audio: str | None, listed: bool) -> dict:
            return {
                "system": name,
                "kind": kind,
                "video_codec": video,
                "audio_codec": audio,
                "listed": listed,
                "selected": True,
            }

        rows = [system(c.name, "video", c.name, None, not self.audio) for c in self.video]
        rows += [system(c.name, "audio", None, c.name, not self.video) for c in self.audio]
        rows += [system(c.name, "joint", c.name, c.name, True) for c in self.joint]
        rows += [
            system(f"{v.name}+{a.name}", "pair", v.name, a.name, True) for v in self.video for a in self.audio
        ]
        return rows

    def _encodes(self) -> tuple[list[dict], list[dict], dict]:
        encodes, scores, measured = [], [], {}
        rng = np.random.default_rng(7)
        difficulty = {name: 1 + 0.25 * rng.standard_normal() for name in self.clips}
        words = {name: 8 + 3 * index for index, name in enumerate(self.clips)}
        for codec in self.video + self.audio + self.joint:
            for index, rate in enumerate(codec.rates):
                for clip in self.clips:
                    if clip in self.clip_failures or codec.unavailable:
                        continue
                    point, encode_id = f"p{index}", f"{codec.name}/{index}/{clip}"
                    failure = self.failure(codec.name, point, clip)
                    encodes.append(
                        self._encode(codec, encode_id, point, clip, rate * difficulty[clip], failure)
                    )
                    noise = self.noise * rng.standard_normal() * 0.5
                    if failure:
                        continue
                    value = float(quality(codec, rate)) + noise
                    measured[encode_id] = value
                    for metric in self.metrics:
                        looks_at = ("video", "audio") if codec.modality == "joint" else (codec.modality,)
                        if metric.modality in looks_at and not metric.unavailable:
                            scores.append(self._score(metric, value, words[clip]) | {"encode_id": encode_id})
        return encodes, scores, measured

    def _encode(
        self,
        codec: FakeCodec,
        encode_id: str,
        point: str,
        clip: str,
        kbps: float,
        failure: tuple[str, str] | None,
    ) -> dict:
        duration = FRAMES / FPS
        parts = {name: 8 * round(kbps * 1000 * duration * share / 8) for name, share in codec.parts.items()}
        status, message = failure or ("ok", None)
        ok = status == "ok"
        return {
            "encode_id": encode_id,
            "codec": codec.name,
            "fingerprint": f"{codec.name}-print"[:16],
            "point": point,
            "params": json.dumps({"qp": 30 + int(point[1:])}),
            "clip_id": f"id-{clip}",
            "status": status,
            "error": message,
            **{
                f"bits_{stream}": (sum(parts.values()) if codec.modality == stream else 0) if ok else None
                for stream in ("video", "audio", "joint")
            },
            "parts": json.dumps(parts) if ok else None,
            "duration_s": duration,
            "bitstream_sha256": "ef" * 32 if ok else None,
            "encode_s": codec.seconds if ok else None,
            "encode_device": "cpu",
            "peak_rss_bytes": int(codec.seconds * 1e8),
            "peak_gpu_bytes": None,
            "decode_status": "ok" if ok else None,
            "decode_error": None,
            "decode_s": codec.seconds / 20 if ok else None,
            "decode_device": "cpu",
            "decode_peak_rss_bytes": int(codec.seconds * 5e7) if ok else None,
            "decode_peak_gpu_bytes": None,
            "run_id": "run-1",
            "selected": True,
        }

    def _score(self, metric: FakeMetric, value: float, words: int) -> dict:
        return {
            "metric": metric.name,
            "fingerprint": f"{metric.name}-print",
            # Metrics bend differently, so that their BD-rates differ; all still rise with quality.
            "value": metric.low
            + (metric.high - metric.low) * (value + 0.1 * np.sin(4 * value + len(metric.name))),
            "weight": float(words) if metric.aggregate == "weighted" else 1.0,
            "status": "ok",
            "run_id": "run-1",
        }

    def _pair_scores(self, measured: dict[str, float]) -> list[dict]:
        pair_metrics = [m for m in self.metrics if m.modality == "pair" and not m.unavailable]
        video = {codec.name for codec in self.video}
        joint = {codec.name for codec in self.joint}
        by_clip: dict[str, list[str]] = {}
        for encode_id in measured:
            by_clip.setdefault(encode_id.split("/")[2], []).append(encode_id)
        rows = []
        for encode_ids in by_clip.values():
            sights = [e for e in encode_ids if e.split("/")[0] in video]
            both = [e for e in encode_ids if e.split("/")[0] in joint]
            sounds = [e for e in encode_ids if e.split("/")[0] not in video | joint]
            pairs = [(sight, sound) for sight in sights for sound in sounds] + [(e, e) for e in both]
            reference = f"reference:id-{encode_ids[0].split('/')[2]}"
            pairs += [half for e in both for half in ((e, reference), (reference, e))]
            for sight, sound in pairs:
                value = 0.8 * measured.get(sight, 1.0) + 0.2 * measured.get(sound, 1.0)
                ids = {"video_encode_id": sight, "audio_encode_id": sound}
                rows += [self._score(metric, value, 1) | ids for metric in pair_metrics]
        return rows


def realistic() -> StoreFactory:
    """A sweep with every accident: failures, a timeout, an unavailable codec, a curve with no overlap."""
    poor = FakeCodec("h263", "video", (3, 5, 8), 0.05, floor=-0.5, ceiling=-0.1, seconds=0.5)
    absent = FakeCodec(
        "avcc",
        "video",
        (1.0, 2.0),
        family="generative",
        weights="official",
        unavailable="weights 'avcc' are not here; run: talkbench weights fetch avcc",
    )
    return StoreFactory(
        video=(*VIDEO, poor, absent),
        failures={
            ("hevc", "p0", "bo_02"): ("failed", "x265 [error]: frame 12: VBV underflow"),
            ("av1", "p4", "dan_04"): ("timeout", "encode took longer than 600 s"),
            ("fomm", "p1", "amy_01"): ("oom", "killed at 6.1 GB; run fewer workers (--workers 1)"),
        },
        clip_failures={},
        notes={"cleo_03": "no face found: centre crop"},
    )

"""Stores full of edge cases, each with what its pages must say."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
from preview_factory import Previews
from store_factory import AUDIO, METRICS, VIDEO, FakeCodec, FakeMetric, StoreFactory, realistic

EVIL = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>&amp;\"'`${1}"
FEW = tuple(metric for metric in METRICS if metric.name in ("dists", "psnr", "pesq", "lse_c"))
SMALL = StoreFactory(video=VIDEO[:2], audio=AUDIO, metrics=FEW)
JOINT = FakeCodec(
    "avcc", "joint", (3, 6, 12, 24), weights="synthetic", parts={"keyframe": 0.4, "motion": 0.3, "audio": 0.3}
)


@dataclass(frozen=True)
class Odd:
    """factory: what to build; spoil: SQL statements (or functions of a connection) that make it worse;
    says: words that some page of its report has; previews: the first clip has some."""

    factory: StoreFactory
    says: tuple[str, ...]
    spoil: tuple[str | Callable[[duckdb.DuckDBPyConnection], object], ...] = ()
    previews: bool = False

    def build(self, path: Path) -> Path:
        self.factory.build(path)
        with duckdb.connect(str(path)) as connection:
            for step in self.spoil:
                if callable(step):
                    step(connection)
                else:
                    connection.execute(step)
        if self.previews:
            self._preview(path)
        return path

    def _preview(self, store: Path) -> None:
        """Previews of the first clip and of one encode of it by each codec."""
        clip = f"id-{self.factory.clips[0]}"
        with duckdb.connect(str(store), read_only=True) as connection:
            encodes = connection.execute(
                "SELECT min(encode_id), bits_video + bits_joint > 0, bits_audio + bits_joint > 0 "
                "FROM encodes WHERE clip_id = ? AND status = 'ok' GROUP BY codec, 2, 3 ORDER BY 1",
                [clip],
            ).fetchall()
        previews = Previews(store.parent)
        previews.add(f"reference:{clip}", clip, picture=True, tone=True)
        for at, (encode_id, sees, hears) in enumerate(encodes):
            previews.add(encode_id, clip, at + 1, picture=sees, tone=hears)
        previews.save()


def _evil_texts(connection: duckdb.DuckDBPyConnection) -> None:
    """Every free text of every table becomes markup that would run."""
    texts = {
        "runs": ("command", "suite", "talkbench_version", "git_commit", "device"),
        "clips": ("speaker", "transcript", "licence", "note"),
        "datasets": ("licence", "note"),
        "codecs": ("version", "family", "licence", "paper"),
        "metrics": ("family", "unit", "definition", "paper"),
        "encodes": ("error", "encode_device", "decode_device", "decode_error"),
        "scores": ("error",),
    }
    for table, columns in texts.items():
        for column in columns:
            connection.execute(f"UPDATE {table} SET {column} = ?", [EVIL])
    detail = json.dumps({"hypothesis": EVIL, "text": EVIL, EVIL: EVIL})
    connection.execute("UPDATE scores SET detail = ?", [detail])
    connection.execute("UPDATE runs SET environment = ?", [json.dumps({EVIL: {EVIL: EVIL}, "list": [EVIL]})])
    connection.execute(
        "UPDATE runs SET suite_resolved = ?",
        [json.dumps({"name": EVIL, "title": EVIL, "anchors": {"video": EVIL}, EVIL: [EVIL]})],
    )
    connection.execute("UPDATE codecs SET build = ?, options = ?", [json.dumps({EVIL: EVIL})] * 2)
    connection.execute("UPDATE encodes SET params = ?", [json.dumps({EVIL: EVIL})])


NULLS = {
    "runs": (
        "finished_at command suite suite_sha256 suite_resolved plan_sha256 talkbench_version git_commit "
        "git_dirty environment workers device wall_s prepare_s encode_s decode_s score_s preview_s"
    ),
    "clips": "sha256 speaker transcript licence note truth error item_key prepare_s run_id",
    "datasets": "licence note",
    "codecs": "version family licence paper weights build options parameters error",
    "metrics": "family unit bound_low bound_high definition paper build options weights error",
    "encodes": (
        "error parts bitstream_sha256 encode_s encode_device peak_rss_bytes peak_gpu_bytes decode_error "
        "decode_s decode_device decode_peak_rss_bytes decode_peak_gpu_bytes run_id"
    ),
    "scores": "frame_values weight detail error run_id",
    "pair_scores": "weight detail error run_id",
}
"""Columns that may be NULL in rows that are fine."""


def _nulls(connection: duckdb.DuckDBPyConnection) -> None:
    for table, columns in NULLS.items():
        for column in columns.split():
            connection.execute(f"UPDATE {table} SET {column} = NULL")


def _two_datasets(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        "INSERT INTO datasets SELECT * REPLACE ('real' AS dataset, false AS synthetic) FROM datasets"
    )
    connection.execute("UPDATE clips SET dataset = 'real' WHERE name IN ('amy_01', 'bo_02')")


def _not_objects(connection: duckdb.DuckDBPyConnection) -> None:
    """JSON that is valid, and of the wrong type everywhere."""
    for table, columns in {
        "runs": ("environment", "suite_resolved"),
        "codecs": ("build", "options"),
        "metrics": ("build", "options"),
        "encodes": ("params", "parts"),
        "scores": ("detail",),
    }.items():
        for at, column in enumerate(columns):
            connection.execute(f"UPDATE {table} SET {column} = ?", [("[1, null]", "3", '"text"')[at % 3]])


CASES = {
    "realistic": Odd(realistic(), ("low overlap", "encode took longer than 600 s"), previews=True),
    "empty": Odd(
        replace(SMALL, video=(), audio=(), clips=(), metrics=(), runs=False),
        ("no run is recorded", "No curve yet."),
    ),
    "one point": Odd(
        replace(SMALL, video=tuple(replace(c, rates=c.rates[:1]) for c in VIDEO[:2])),
        ("fewer than 3 points",),
    ),
    "one clip": Odd(
        replace(SMALL, clips=("only",)), ("One clip gives no interval", "the order is not tested")
    ),
    "no overlap": Odd(
        replace(
            SMALL,
            video=(VIDEO[0], FakeCodec("poor", "video", (3, 5, 8), 0.05, floor=-0.5, ceiling=-0.1)),
            anchors={"video": "av1"},
        ),
        ("no overlap", "reach no common quality"),
    ),
    "all failed": Odd(
        replace(SMALL, failures={(c.name, "*", "*"): ("failed", "it broke") for c in VIDEO[:2] + AUDIO}),
        ("it broke", "nothing was encoded"),
    ),
    "no sound, unfinished": Odd(
        replace(SMALL, audio=(), anchors={}, finished=False),
        ("The latest run has not finished", "This run has not finished"),
    ),
    "no metric of sound": Odd(
        replace(SMALL, metrics=tuple(metric for metric in FEW if metric.name != "pesq")),
        ("no audio codec has a value of these metrics",),
    ),
    "no picture": Odd(replace(SMALL, video=(), anchors={}), ("encodec",)),
    "joint alone": Odd(
        replace(SMALL, video=(), audio=(), joint=(JOINT,), anchors={}),
        ("Synthetic weights: avcc", "in-house weights"),
    ),
    "joint and two datasets": Odd(
        replace(SMALL, joint=(JOINT,)), ("real", "synthetic"), (_two_datasets,), True
    ),
    "nulls": Odd(replace(SMALL, notes={}), ("No commit", "not timed"), (_nulls,)),
    "wrong json": Odd(replace(SMALL, notes={}), ("parts that do not add up",), (_not_objects,)),
    "evil": Odd(
        StoreFactory(
            video=(VIDEO[0], FakeCodec(EVIL, "video", (4, 9, 18, 40), gain=0.9, parts={EVIL: 1.0})),
            audio=AUDIO[:1],
            metrics=(*FEW, FakeMetric(EVIL, "video", 0, 1)),
            dataset=EVIL,
            clips=(EVIL, "b", "c"),
            notes={"b": EVIL},
            failures={(EVIL, "p0", "b"): ("failed", f"</script>{EVIL}<!--")},
            clip_failures={"c": EVIL},
            anchors={},
        ),
        ("window.hacked",),
        (_evil_texts,),
        previews=True,
    ),
    "many systems": Odd(
        StoreFactory(
            video=tuple(
                FakeCodec(f"codec_with_a_long_name_{i:03}", "video", (4, 9, 20, 44), gain=1 + i / 100)
                for i in range(200)
            ),
            audio=(),
            metrics=(METRICS[0],),
            clips=("amy_01", "bo_02"),
            anchors={},
        ),
        ("Coverage of 200 codecs", "all complete"),
    ),
}

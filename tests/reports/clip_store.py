"""A store of clips with previews, with every accident: what the tests of the clips' pages read."""

import json
import re
from pathlib import Path

import duckdb
import numpy as np
from preview_factory import FPS, FRAMES, RATE, SECONDS, Previews
from store_factory import METRICS, VIDEO, FakeCodec, StoreFactory

EVIL = "<img src=x onerror=alert(1)>"
EVIL_CLIP = "<b onclick='x'>zoe & co"
VVC = next(codec for codec in VIDEO if codec.name == "vvc")
FACTORY = StoreFactory(
    video=(VVC, FakeCodec(EVIL, "video", (4, 9, 16), gain=0.8)),
    audio=(FakeCodec("opus", "audio", (6, 8, 12)),),
    joint=(FakeCodec("both", "joint", (10, 20), gain=1.4),),
    metrics=tuple(m for m in METRICS if m.name in ("dists", "psnr", "ssim", "pesq", "wer_sphinx", "lse_c")),
    clips=("amy_01", EVIL_CLIP, "cleo_03", "dan_04"),
    anchors={},
    failures={(EVIL, "p2", "amy_01"): ("failed", "it <b>broke</b>")},
)
SAID, HEARD = "we saw four tickets at the door", "we four tickets at at the <i>floor</i>"
TIMELINE = {
    "keyframe": {"step_s": 0.1, "bits": [4000] + 19 * [0]},
    "inter": {"step_s": 0.1, "bits": [0] + 19 * [150]},
}
PACKETS = {"packets": {"step_s": 0.06, "bits": 34 * [120]}}  # the last one ends behind the clip

# Pages are numbered by the clips' names: '<' comes first.
EVIL_PAGE, AMY, CLEO = "clip-1", "clip-2", "clip-3"


def variants(connection, clip):
    """Of the encodes that did not fail: id, codec, point, and the number that their pictures are made of."""
    return connection.execute(
        "SELECT encode_id, codec, point, row_number() OVER (ORDER BY codec, point) FROM encodes "
        "WHERE clip_id = ? AND status = 'ok' ORDER BY codec, point",
        [f"id-{clip}"],
    ).fetchall()


def variant_number(store, encode_clip, codec, point):
    """What the pictures of an encode are made of."""
    return next(n for _, c, p, n in variants(store, encode_clip) if (c, p) == (codec, point))


def build(directory: Path) -> Path:
    """A store with previews of three clips: one whole, one without sound, one without picture."""
    store = FACTORY.build(directory / "talkbench.duckdb")
    previews = Previews(directory)
    rng = np.random.default_rng(5)
    with duckdb.connect(str(store)) as connection:
        connection.execute(
            "UPDATE clips SET frames = ?, fps = ?, samples = ?, sample_rate = ?, transcript = ?",
            [FRAMES, FPS, int(RATE * SECONDS), RATE, SAID],
        )
        connection.execute("UPDATE clips SET samples = 0, transcript = NULL WHERE name = ?", [EVIL_CLIP])
        connection.execute(
            "UPDATE clips SET frames = 0, fps = 0, width = 0, height = 0 WHERE name = 'cleo_03'"
        )
        for encode_id, metric in connection.execute(
            "SELECT encode_id, metric FROM scores x JOIN metrics m USING (metric) WHERE m.modality = 'video'"
        ).fetchall():
            values = rng.normal(30, 3, FRAMES).astype(np.float32).tolist()
            connection.execute(
                "UPDATE scores SET frame_values = ?, value = ? WHERE encode_id = ? AND metric = ?",
                [values, float(np.mean(values)), encode_id, metric],
            )
        detail = json.dumps({"reference": SAID, "hypothesis": HEARD, "errors": 3, "words": 7})
        connection.execute(
            "UPDATE scores SET detail = ?, value = 3 / 7 WHERE metric = 'wer_sphinx'", [detail]
        )
        for clip in FACTORY.clips[:3]:
            sight, hearing = clip != "cleo_03", clip != EVIL_CLIP
            previews.add(f"reference:id-{clip}", f"id-{clip}", 0, picture=sight, tone=hearing)
            for encode_id, codec, point, number in variants(connection, clip):
                if (codec, point) == ("opus", "p2"):
                    error = "the clip's previews would pass 40 MB"
                    previews.add(encode_id, f"id-{clip}", status="unavailable", error=error)
                    continue
                sees, hears = codec != "opus" and sight, codec in ("opus", "both") and hearing
                if not sees and not hears:
                    continue
                previews.add(
                    encode_id,
                    f"id-{clip}",
                    number,
                    picture=sees,
                    tone=hears,
                    # A sound that ends before the pictures.
                    seconds=1.2 if (codec, point) == ("opus", "p0") else SECONDS,
                    timeline=PACKETS if codec == "opus" else TIMELINE if codec == "vvc" else {},
                )
    previews.save()
    return directory


def part(report, name):
    """A part of a page, as its script gets it."""
    found = re.fullmatch(
        r"talkbench\.deliver\(\"(.*?)\",(.*)\);\n", (report / "data" / f"{name}.js").read_text()
    )
    assert found[1] == name
    return json.loads(found[2])

"""The cards of the first page: what they call a verdict, and on what."""

import re
from dataclasses import replace

import duckdb
from reading import reading
from store_factory import AUDIO, METRICS, VIDEO, FakeMetric, StoreFactory
from talkbench.reports.site import write_report

ALL = {metric.name: metric for metric in METRICS}
SIDES = ("video", "audio")
SYNC = replace(ALL["lse_c"], name="lse_c_synthetic")


def cards(tmp_path, *metrics, **more):
    """Rate → the words of its card, in the report of a store with these metrics."""
    factory = StoreFactory(**{"video": VIDEO[1:3], "audio": AUDIO, "metrics": metrics} | more)
    with duckdb.connect(str(factory.build(tmp_path / "talkbench.duckdb"))) as connection:
        # As a sweep scores it: each codec's half with the other half of the clip itself.
        for half in ("video", "audio"):
            ids = {side: "encode_id" if side == half else "'reference:' || clip_id" for side in SIDES}
            connection.execute(
                "INSERT INTO pair_scores BY NAME "
                f"SELECT {ids['video']} AS video_encode_id, {ids['audio']} AS audio_encode_id, "
                "metric, m.fingerprint, 3 + log10(e.bits_video + e.bits_audio) AS value, "
                "1.0 AS weight, 'ok' AS status FROM encodes e, metrics m "
                f"WHERE m.modality = 'pair' AND e.bits_{half} > 0"
            )
    path = write_report(tmp_path)
    assert reading(path).text
    found = re.findall(r'<article class="card">(.*?)</article>', path.read_text(), re.S)
    texts = [re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", card)).strip() for card in found]
    return {re.match("Video and audio|Video|Audio", text)[0]: text for text in texts}


def test_lip_sync_is_no_verdict_on_sound(tmp_path):
    found = cards(tmp_path, ALL["psnr"], SYNC)
    assert found["Audio"].startswith(
        "Audio no audio metric was scored no verdict lse_c_synthetic measures video together "
    )
    assert "with the clip's own video" in found["Audio"]
    assert "kbit/s" not in found["Audio"]
    assert found["Video"].startswith("Video at equal psnr ")


def test_lip_sync_is_no_verdict_on_the_picture(tmp_path):
    found = cards(tmp_path, ALL["pesq"], SYNC)
    assert found["Video"].startswith("Video no video metric was scored no verdict ")
    assert "with the clip's own audio" in found["Video"]
    assert found["Audio"].startswith("Audio at equal pesq ")
    assert found["Audio"].count("All codecs at all operating points") == 1


def test_any_metric_of_sound_stands_before_lip_sync(tmp_path):
    unknown = FakeMetric("zz_sound", "audio", 0, 1)
    assert cards(tmp_path, ALL["psnr"], SYNC, unknown)["Audio"].startswith("Audio at equal zz_sound ")


def test_both_rates_by_a_metric_of_one_half_say_so(tmp_path):
    found = cards(tmp_path, ALL["psnr"], ALL["pesq"])
    assert found["Video and audio"].startswith(
        "Video and audio at equal psnr (video quality only; audio not considered) "
    )

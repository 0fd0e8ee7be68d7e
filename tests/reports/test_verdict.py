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
    return {re.match("Picture and sound|Picture|Sound", text)[0]: text for text in texts}


def test_lip_sync_is_no_verdict_on_sound(tmp_path):
    found = cards(tmp_path, ALL["psnr"], SYNC)
    assert found["Sound"].startswith(
        "Sound no metric of the sound was scored no verdict lse_c_synthetic is of picture "
    )
    assert "with the clip's own picture" in found["Sound"]
    assert "kbit/s" not in found["Sound"]
    assert found["Picture"].startswith("Picture at equal psnr ")


def test_lip_sync_is_no_verdict_on_the_picture(tmp_path):
    found = cards(tmp_path, ALL["pesq"], SYNC)
    assert found["Picture"].startswith("Picture no metric of the picture was scored no verdict ")
    assert "with the clip's own sound" in found["Picture"]
    assert found["Sound"].startswith("Sound at equal pesq ")
    assert found["Sound"].count("Every codec at each of its points") == 1


def test_any_metric_of_sound_stands_before_lip_sync(tmp_path):
    unknown = FakeMetric("zz_sound", "audio", 0, 1)
    assert cards(tmp_path, ALL["psnr"], SYNC, unknown)["Sound"].startswith("Sound at equal zz_sound ")


def test_both_rates_by_a_metric_of_one_half_say_so(tmp_path):
    found = cards(tmp_path, ALL["psnr"], ALL["pesq"])
    assert found["Picture and sound"].startswith(
        "Picture and sound at equal psnr, which is of the picture alone "
    )

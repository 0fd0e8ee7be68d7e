"""The printed numbers: every row of the file, checked, and never without its unit and notes."""

import csv
import io
import re
from collections import Counter
from importlib import resources

import pytest
from talkbench.reports.papers import published

FOLDER = resources.files("talkbench.reports") / "published"
RAW = (FOLDER / "published.csv").read_text(encoding="utf-8")
ROWS = list(csv.DictReader(io.StringIO(RAW)))


def edited(**change):
    """The file with its first row changed."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(published.COLUMNS)
    writer.writerows(row.values() for row in (ROWS[0] | change, *ROWS[1:]))
    return out.getvalue()


def test_every_row_of_the_file_is_read_as_it_stands():
    found = published.printed()
    assert len(found) == len(ROWS) == 113
    for row, raw in zip(found, ROWS, strict=True):
        names = ("source", "table", "method", "anchor", "dataset", "metric")
        assert [getattr(row, name) for name in names] == [raw[name] for name in names]
        assert row.value == float(raw["value"])
        assert row.text == raw["value"].replace("-", "−")
        assert "; ".join(row.notes) == raw["note"]
        if not raw["rate"]:
            assert row.kbps is None
        else:
            assert row.kbps == pytest.approx(float(raw["rate"]) / {"bps": 1000, "kbps": 1}[raw["rate_unit"]])
            assert float(row.kbps_text) == pytest.approx(row.kbps)


def test_every_number_stands_in_its_table_with_all_of_its_notes():
    for key, table in published.tables().items():
        raws = [raw for raw in ROWS if (raw["source"], raw["table"]) == key]
        lead = 1 + sum(head.text in ("at equal", "kbit/s") for head in table.heads)
        shown = Counter(
            float(re.sub(r"[ %]", "", cell.text).replace("−", "-"))
            for row in table.rows
            for cell in row[lead:]
        )
        assert shown == Counter(float(raw["value"]) for raw in raws)
        said = " ".join((*table.general, *(note for _, note in table.notes)))
        assert all(part in said for raw in raws for part in raw["note"].split("; "))
        marks = "".join(cell.marks for row in (table.heads, *table.rows) for cell in row)
        assert set(marks) == {mark for mark, _ in table.notes}


def test_notes_stand_where_they_belong():
    (vis,) = [head for head in published.tables()["avcc", "table2"].heads if head.marks]
    assert vis.text.startswith("VIS")
    table = published.tables()["av3d", "table1"]
    flagged = [cell.text for row in table.rows for cell in row if cell.flag]
    assert flagged == ["−99.61 %", "−99.92 %", "−99.24 %"]
    assert all(cell.marks == "a" for row in table.rows for cell in row if cell.flag)
    assert "hardly overlap" in table.notes[0][1]
    rates = [row[1].text for row in published.tables()["avcc", "table3"].rows]
    assert rates == ["1.913", "1.913", "1.109", "1.109", "0.578", "0.578"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"source": "avc"}, "line 2: source, table"),
        ({"table": "table9"}, "table9 is not known"),
        ({"metric": "bd_rate_ssim"}, "line 2: metric"),
        ({"unit": "dB"}, "bd_rate_dists is in percent, not 'dB'"),
        ({"value": "-16,6"}, "line 2: value: '-16,6' is not a number"),
        ({"value": "nan"}, "is not a number"),
        ({"anchor": ""}, "a BD-rate has one"),
        ({"method": ""}, "neither may be empty"),
        ({"rate": "3"}, "a rate is in one of bps, kbps"),
        ({"rate": "3", "rate_unit": "kB"}, "a rate is in one of"),
        ({"metric": "bd_rate_psnr"}, "is there twice"),
    ],
)
def test_what_is_not_understood_is_refused(change, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        list(published.parse(edited(**change)))


def test_another_shape_is_refused():
    with pytest.raises(ValueError, match="the columns are not"):
        list(published.parse(RAW.replace("source,table", "table,source", 1)))
    with pytest.raises(ValueError, match="not 11 columns"):
        list(published.parse(RAW + "avcc,table1\n"))


def test_the_sources_are_cited():
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    for short, citation in published.PAPERS.values():
        assert short
        for identity in re.findall(r"(?:arXiv|doi):[\w./-]*\w", citation):
            assert identity in readme

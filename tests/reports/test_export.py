"""Exports hold what the store holds."""

import shutil
import subprocess

import duckdb
import pytest
from store_factory import METRICS, FakeCodec, StoreFactory
from talkbench.benchmark.store import parquet
from talkbench.benchmark.util.errors import UsageError
from talkbench.reports.publication.export import export


@pytest.mark.parametrize("format", ["parquet", "csv"])
def test_every_table_and_view_comes_out_whole(realistic_store, tmp_path, format):
    out = tmp_path / "it's here"
    files = export(realistic_store.parent, format, out)
    with duckdb.connect(str(realistic_store), read_only=True) as connection:
        names = {
            name
            for (name,) in connection.execute("SELECT table_name FROM information_schema.tables").fetchall()
        }
        assert {file.stem for file in files} == names
        assert {"rd_points", "leaderboard", "encodes", "bd_rates"} <= names
        for name in names - {"set_scores", "bd_rates"}:
            expected = connection.execute(f"SELECT count(*) FROM {name}").fetchone()
            found = (
                duckdb.read_csv(str(out / f"{name}.csv"))
                if format == "csv"
                else duckdb.read_parquet(str(out / f"{name}.parquet"))
            )
            assert (len(found),) == expected


def test_tables_are_as_good_as_the_store(realistic_store, tmp_path):
    files = export(realistic_store.parent, "tables", tmp_path / "tables")
    assert {file.stem for file in files} == set(parquet.schema())
    with parquet.open_results(realistic_store.parent) as store, parquet.open_results(tmp_path) as found:
        for name in ("encodes", "scores", "rd_points", "leaderboard"):
            rows = [c.execute(f"FROM {name} ORDER BY ALL").fetchall() for c in (store, found)]
            assert rows[0] == rows[1]
    # A folder of tables is exported as a store is.
    again = export(tmp_path, "csv", tmp_path / "out")
    assert {"rd_points.csv", "scores.csv"} <= {file.name for file in again}


def test_latex_is_escaped_and_complete(tmp_path):
    codecs = tuple(
        FakeCodec(name, "video", (4, 8, 16, 32), gain, floor=-9, ceiling=9)
        for name, gain in (("a_b", 1.0), (r"50%&\evil{}", 2.0), ("plain", 1.4))
    )
    metrics = tuple(metric for metric in METRICS if metric.name == "ms_ssim")
    store = StoreFactory(video=codecs, audio=(), metrics=metrics, anchors={})
    store.build(tmp_path / "talkbench.duckdb")
    boards, bd_rates, *papers = export(tmp_path, "latex", tmp_path / "out")
    names = ("bd_rates", "audio", "ablation", "complexity", "lip_sync")
    assert [path.name for path in papers] == [f"paper_{name}.tex" for name in names]
    for path in (boards, bd_rates):
        source = path.read_text()
        assert r"50\%\&\textbackslash{}evil\{\}" in source
        assert r"\evil" not in source
        assert "ms_ssim" not in source
        assert r"ms\_ssim" in source
    if shutil.which("pdflatex"):
        page = tmp_path / "page.tex"
        page.write_text(
            r"\documentclass{article}\usepackage{booktabs,longtable}\begin{document}"
            + boards.read_text()
            + bd_rates.read_text()
            + "".join(path.read_text() for path in papers)
            + r"\end{document}"
        )
        subprocess.run(
            ["pdflatex", "-halt-on-error", page.name], cwd=tmp_path, check=True, capture_output=True
        )


def test_wrong_use_says_what_is_right(realistic_store, tmp_path):
    with pytest.raises(UsageError, match="parquet, csv, latex"):
        export(realistic_store.parent, "xlsx", tmp_path)
    with pytest.raises(UsageError, match="no results there"):
        export(tmp_path, "csv", tmp_path)

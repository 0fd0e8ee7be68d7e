"""A sweep writes its report again when the report would show anything else, and only then."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from talkbench.benchmark.plan import suite
from talkbench.benchmark.store.database import Store
from talkbench.benchmark.sweep import catalogue, records, run
from talkbench.benchmark.util.terminal import Terminal


def test_each_change_of_what_the_report_shows_writes_it_again(
    tiny_suite: Callable[..., Path], tmp_path: Path
) -> None:
    text = tiny_suite(["fake-video"], metrics=("psnr",), clips=1).read_text()
    written: list[str] = []

    def write_report(directory: Path, connection: Any) -> Path:
        page = directory / "report" / "index.html"
        page.parent.mkdir(exist_ok=True)
        page.write_text("")
        written.append(
            connection.execute("SELECT suite_resolved FROM runs ORDER BY started_at").fetchall()[-1][0]
        )
        return page

    def reports(added: str) -> int:
        path, before = tmp_path / "tiny.toml", len(written)
        path.write_text(added + text)
        request = run.Request(
            suite.load(str(path)), tmp_path / "out", ["cpu"], "serial", 1, None, (), False, ""
        )
        run.run(request, Terminal(file=io.StringIO()), write_report)
        return len(written) - before

    assert reports("") == 1
    assert reports("") == 0  # nothing to say that was not said
    assert reports('title = "Another title"\n') == 1
    assert "Another title" in written[-1]
    assert reports("matched_kbps = [3.5]\n") == 1
    assert reports('anchors = { video = "fake-video" }\n') == 1
    assert reports('anchors = { video = "fake-video" }\n') == 0
    assert reports("") == 1


def test_the_same_plan_of_another_suite_or_version_is_not_the_same(tmp_path: Path) -> None:
    one = suite.of({"name": "a", "systems": ["vvc"], "datasets": [{"use": "synthetic"}]})
    with Store(tmp_path / "s.duckdb") as store:
        assert not records.same_as_last(store, "d", one)
        row = {"run_id": "1", "started_at": "2026-01-01", "finished_at": "2026-01-01", "plan_sha256": "d"}
        row |= {"suite_sha256": one.sha256(), "talkbench_version": records.__version__}
        store.put("runs", [row])
        assert records.same_as_last(store, "d", one)
        assert not records.same_as_last(store, "e", one)
        assert not records.same_as_last(store, "d", one.override(quick=True))
        store.put("runs", [{**row, "talkbench_version": "0.0.1"}])
        assert not records.same_as_last(store, "d", one)


def test_a_clip_that_is_no_longer_chosen_or_is_described_otherwise_counts(tmp_path: Path) -> None:
    clip = {"clip_id": "a", "dataset": "d", "name": "n", "status": "failed", "error": "no", "selected": True}
    with Store(tmp_path / "s.duckdb") as store:
        found = [catalogue.digest(store)]
        for change in ({}, {"error": "none"}, {"selected": False}):
            store.put("clips", [{**clip, **change}])
            found.append(catalogue.digest(store))
        assert found[0] == found[3]
        assert len(set(found)) == 3
        store.put("clips", [{**clip, "run_id": "later"}])
        assert catalogue.digest(store) == found[1]

from pathlib import Path

from talkbench.benchmark import metric_page, registry

PAGE = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"


def test_the_committed_page_is_the_generated_one():
    expected = metric_page.page([info for _, info in registry.metrics().values()])
    assert PAGE.read_text() == expected, f"run: {metric_page.COMMAND}"


def test_every_metric_has_a_row():
    rows = [
        line.split("|")[1].strip(" `") for line in PAGE.read_text().splitlines() if line.startswith("| `")
    ]
    assert sorted(rows) == sorted(registry.metrics())

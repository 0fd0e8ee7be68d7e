"""Stores for the report's tests, built once per session."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # importlib mode puts no test folder on the path


@pytest.fixture(scope="session")
def realistic_store(tmp_path_factory) -> Path:
    from store_factory import realistic

    return realistic().build(tmp_path_factory.mktemp("realistic") / "talkbench.duckdb")


@pytest.fixture(scope="session")
def realistic_page(realistic_store) -> Path:
    """The report of `realistic_store`."""
    from talkbench.reports.site import write_report

    return write_report(realistic_store.parent)

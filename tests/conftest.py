"""Shared fixtures. Real recordings lie in `../shared`, beside the repository; where absent, tests skip visibly."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[1].parent / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip("real recordings (../shared) are absent")
    return SHARED

"""Full float32 inside, the user's settings outside, whatever happens."""

import pytest
import torch
from talkbench.benchmark.precision import exactly


@pytest.fixture(params=["highest", "high"])
def chosen(request):
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(request.param)
    yield request.param
    torch.set_float32_matmul_precision(before)


def settings():
    return (
        torch.get_float32_matmul_precision(),
        torch.backends.cudnn.allow_tf32,
        torch.is_inference_mode_enabled(),
    )


def test_nothing_is_reduced_inside_and_all_is_as_before_outside(chosen):
    before = settings()
    with exactly():
        assert settings() == ("highest", False, True)
    assert settings() == before
    assert before[0] == chosen


def test_an_error_leaves_no_setting_behind(chosen):
    before = settings()
    with pytest.raises(ValueError, match="broken"), exactly():
        raise ValueError("broken")
    assert settings() == before

"""Full float32 inside, the user's settings outside, whatever happens."""

import pytest
import torch
from talkbench.benchmark.api.precision import full_precision, reproducibly


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
    with full_precision():
        assert settings() == ("highest", False, True)
    assert settings() == before
    assert before[0] == chosen


def test_an_error_leaves_no_setting_behind(chosen):
    before = settings()
    with pytest.raises(ValueError, match="broken"), full_precision():
        raise ValueError("broken")
    assert settings() == before


@pytest.mark.parametrize("threads", [1, 3])
def test_a_codec_computes_on_one_thread_and_leaves_the_others_as_they_were(chosen, threads):
    before, own = settings(), torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        with reproducibly():
            assert (settings(), torch.get_num_threads()) == (("highest", False, True), 1)
        with pytest.raises(ValueError, match="broken"), reproducibly():
            raise ValueError("broken")
        assert (settings(), torch.get_num_threads()) == (before, threads)
    finally:
        torch.set_num_threads(own)

"""Networks compute in full float32, those of codecs on one thread: no setting of a machine is in a result."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def full_precision() -> Iterator[None]:
    """Within: no gradients, and no TF32 in convolutions or matrix products; afterwards as it was before."""
    import torch

    products = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with (
            torch.inference_mode(),
            torch.backends.cudnn.flags(enabled=True, allow_tf32=False, fp32_precision="ieee"),
        ):
            yield
    finally:
        torch.set_float32_matmul_precision(products)


@contextmanager
def reproducibly() -> Iterator[None]:
    """Within: `exactly`, and torch computes on one thread of the CPU; afterwards as it was before.

    For the networks of codecs. Convolutions and matrix products divide their sums among the threads, and add
    up in an order that follows from their number; a decoder's pictures and sounds, and the tokens that an
    encoder picks, must not. A sweep keeps cores busy by coding as many clips at a time.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with full_precision():
            yield
    finally:
        torch.set_num_threads(threads)

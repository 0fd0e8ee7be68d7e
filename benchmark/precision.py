"""Networks compute in full float32: the same official value on every machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def exactly() -> Iterator[None]:
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

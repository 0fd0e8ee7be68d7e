"""Names of tensors in the checkpoints of FOMM, DAC and CFTE, whose repositories descend from one another."""

from __future__ import annotations

# DAC keeps each head in a layer of its own together with what follows it.
_HEADS = ("kp_detector.kp.", "dense_motion.mask.", "dense_motion.occlusion.", "generator.final.")


def published(name: str) -> str:
    """Our name of a tensor of FOMM, CFTE or DAC: `generator.*` and `kp_detector.*` of their checkpoints.

    >>> published("generator.module.dense_motion_network.mask.conv.bias")
    'dense_motion.mask.bias'
    """
    part, _, inner = name.partition(".")
    name = f"{part}.{inner.removeprefix('module.')}"  # of a network that was trained on several GPUs
    for theirs, ours in (
        ("generator.dense_motion_network.down.", "down."),
        ("generator.dense_motion_network.", "dense_motion."),
    ):
        if name.startswith(theirs):
            name = ours + name.removeprefix(theirs)
    for head in _HEADS:
        if name.startswith(f"{head}conv."):
            name = head + name.removeprefix(f"{head}conv.")
    return name

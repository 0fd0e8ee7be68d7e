"""Files that stages leave behind: clips, bitstreams, features, previews. Each is written whole or not at all.

Prepared and decoded clips are raw and memory-mapped (`video.u8`, `audio.f32`, `clip.json`), so that a
worker pages in only the frames that it looks at.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..api.types import Clip, ClipSpec
from ..util.errors import DatasetError
from ..util.files import cache_folder, whole_folder

if TYPE_CHECKING:
    pass


def prepared_folder(key: str) -> Path:
    """Folder of the prepared clip that `key` (an `Item.key`) names."""
    return cache_folder() / "clips" / key[:2] / key


def bitstream_path(root: Path, encode_id: str) -> Path:
    """File of one encode's bitstream under a sweep's folder."""
    return root / "artifacts" / "bitstreams" / encode_id[:2] / f"{encode_id}.tkb"


def decoded_folder(root: Path, encode_id: str) -> Path:
    """Folder of one encode's decoded clip under a sweep's folder."""
    return root / "artifacts" / "decoded" / encode_id[:2] / encode_id


def features_path(root: Path, encode_id: str, fingerprint: str) -> Path:
    """File of one encode's (or reference's) features for a distribution metric, under a sweep's folder."""
    return root / "artifacts" / "features" / fingerprint / f"{encode_id.replace(':', '-')}.npy"


def log_folder(root: Path) -> Path:
    """Where the output of jobs is kept."""
    return root / "artifacts" / "logs"


def preview_folder(root: Path, encode_id: str) -> Path:
    """Folder of what the report shows of one encode (or reference), under a sweep's folder."""
    return root / "artifacts" / "previews" / encode_id.replace(":", "-")


def save_clip(folder: Path, clip: Clip, facts: Mapping[str, object]) -> None:
    """Write `clip` and JSON-ready `facts` about it as a folder, atomically, replacing what was there."""
    with whole_folder(folder) as temporary:
        with (temporary / "video.u8").open("wb") as file:
            for frame in clip.video:
                file.write(frame.contiguous().numpy().data)
        (temporary / "audio.f32").write_bytes(clip.audio.contiguous().numpy().tobytes())
        record = {**facts, "spec": clip.spec.to_dict(), "transcript": clip.transcript}
        (temporary / "clip.json").write_text(json.dumps(record), encoding="utf-8")


def clip_facts(folder: Path) -> dict[str, object] | None:
    """What `save_clip` recorded, or None where there is no complete clip."""
    try:
        return json.loads((folder / "clip.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError):
        return None


def load_clip(folder: Path) -> Clip:
    """Open a saved clip; its tensors map the files. Raises DatasetError where it is missing or cut short."""
    import numpy
    import torch

    facts = clip_facts(folder)
    if facts is None:
        raise DatasetError(f"{folder}: no prepared clip there; delete the folder and run again")
    spec = ClipSpec.from_dict(facts["spec"])  # pyright: ignore[reportArgumentType]
    shapes = {
        "video.u8": ((spec.frames, 3, spec.height, spec.width), numpy.uint8),
        "audio.f32": ((spec.channels, spec.samples), numpy.float32),
    }
    tensors = []
    for name, (shape, dtype) in shapes.items():
        size = int(numpy.prod(shape)) * numpy.dtype(dtype).itemsize
        if (folder / name).stat().st_size != size:
            raise DatasetError(f"{folder / name}: wrong size; delete the folder and run again")
        # Mode "c" (copy on write): torch wants writable memory, and no codec may alter the file.
        array = numpy.memmap(folder / name, dtype, "c", shape=shape) if size else numpy.zeros(shape, dtype)
        tensors.append(torch.from_numpy(array))
    transcript = facts["transcript"]
    return Clip(spec, tensors[0], tensors[1], str(facts.get("clip_id", "")), transcript)  # pyright: ignore[reportArgumentType]

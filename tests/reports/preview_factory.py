"""Previews of a fake store: pictures whose colour is their number, sounds that are tones."""

from __future__ import annotations

import hashlib
import json
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import duckdb
import numpy as np
import torch
from PIL import Image
from talkbench.benchmark.api.types import Clip, ClipSpec
from talkbench.benchmark.stages import preview_media
from talkbench.benchmark.store import artifacts

FRAMES, FPS, WIDTH, HEIGHT = 20, 10.0, 32, 24
COLUMNS, PER_SHEET = 3, 6  # four sheets, the last with two pictures
RATE, SECONDS = 8000, 2.0
MOUTH = [8, 12, 12, 8]


def colour(variant: int, frame: int) -> tuple[int, int, int]:
    """What every pixel of a frame is, but for its mouth, which is white."""
    return (10 + 11 * frame, 20 + 9 * (variant % 24), 90)


def pictures(variant: int) -> tuple[dict, dict[str, bytes]]:
    """Detail and files of sheets, without loss."""
    files = {}
    for start in range(0, FRAMES, PER_SHEET):
        count = min(PER_SHEET, FRAMES - start)
        sheet = Image.new("RGB", (COLUMNS * WIDTH, -(-count // COLUMNS) * HEIGHT))
        for place in range(count):
            picture = Image.new("RGB", (WIDTH, HEIGHT), colour(variant, start + place))
            x, y, width, height = MOUTH
            picture.paste((255, 255, 255), (x, y, x + width, y + height))
            sheet.paste(picture, (place % COLUMNS * WIDTH, place // COLUMNS * HEIGHT))
        data = BytesIO()
        sheet.save(data, "WEBP", lossless=True)
        files[f"sheet-{len(files):03d}.webp"] = data.getvalue()
    detail = {"frames": FRAMES, "fps": FPS, "width": WIDTH, "height": HEIGHT, "columns": COLUMNS}
    return detail | {"per_sheet": PER_SHEET, "sheets": list(files)}, files


def sound(variant: int, seconds: float = SECONDS) -> tuple[dict, dict[str, bytes]]:
    """Detail and files of a tone, as a sweep makes them."""
    count = round(RATE * seconds)
    tone = 0.1 * np.sin(2 * np.pi * (300 + 40 * variant) * np.arange(count) / RATE)
    spec = ClipSpec(0, 0, 0, Fraction(25), count, RATE, 1)
    video = torch.zeros((0, 3, 0, 0), dtype=torch.uint8)
    audio = torch.from_numpy(tone.astype(np.float32))[None]
    return preview_media.sound(Clip(spec, video, audio, "tone", None))


class Previews:
    """Writes previews of encodes, or of clips themselves, into a store in `directory`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.rows: list[tuple] = []

    def add(
        self,
        encode_id: str,
        clip_id: str,
        variant: int = 0,
        *,
        picture: bool = False,
        tone: bool = False,
        seconds: float = SECONDS,
        timeline: dict | None = None,
        status: str = "ok",
        error: str | None = None,
        **more: object,
    ) -> Path:
        """Returns the folder of its files; more: replaces what `detail` says."""
        folder = artifacts.preview_folder(self.directory, encode_id)
        files: dict[str, bytes] = {}
        detail: dict = {"frames": 0, "sheets": [], "sound": None, "mel": None}
        for wanted, made in ((picture, pictures(variant)), (tone, sound(variant, seconds))):
            if wanted:
                detail |= made[0]
                files |= made[1]
        detail |= {"mouth": MOUTH if picture and encode_id.startswith("reference:") else None}
        detail |= {"timeline": timeline or {}} | more
        detail["preview_sha256"] = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
        if status == "ok":
            folder.mkdir(parents=True)
            for name, data in files.items():
                (folder / name).write_bytes(data)
        self.rows.append(
            (encode_id, clip_id, status, error, sum(map(len, files.values())), json.dumps(detail), "run-1")
        )
        return folder

    def save(self) -> None:
        """Write the rows into the store."""
        with duckdb.connect(str(self.directory / "talkbench.duckdb")) as connection:
            connection.executemany("INSERT INTO previews VALUES (?, ?, ?, ?, ?, ?, ?)", self.rows)

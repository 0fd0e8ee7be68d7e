"""What a dataset is: a cheap list of items, and a slow `prepare` that turns one into a clip, once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from .types import Clip


@dataclass(frozen=True)
class DatasetInfo:
    """name: unique; synthetic: rendered, not recorded; licence and note are shown in the report."""

    name: str
    synthetic: bool
    licence: str
    note: str = ""


@dataclass(frozen=True)
class Item:
    """One clip that can be prepared. `key` (64 hex digits) names everything that can change the result."""

    name: str
    key: str


@dataclass(frozen=True)
class PreparedClip:
    """A clip ready for every codec, with what is known of it.

    note: what a reader must know ('no face found: centre crop'), or '';
    truth: exact ground truth as JSON-ready values (phonemes with times, mouth opening per frame), or empty.
    """

    clip: Clip
    speaker: str = ""
    licence: str = ""
    note: str = ""
    truth: Mapping[str, object] = field(default_factory=dict)


class Dataset(Protocol):
    """A loaded dataset."""

    info: DatasetInfo

    def items(self) -> Sequence[Item]:
        """All clips, in a stable order, without decoding any. Raises DatasetError or UsageError."""
        ...

    def prepare(self, item: Item) -> PreparedClip:
        """Make one clip. Raises DatasetError when the recording cannot be used."""
        ...


class DatasetModule(Protocol):
    """What `datasets/NAME.py` (or an entry point of group `talkbench.datasets`) offers."""

    def availability(self) -> str | None:
        """None when it can run here, else the reason and the command that fixes it. Cheap."""
        ...

    def load(self, **options: int | float | str | bool) -> Dataset:
        """The dataset with a suite's options. Raises UsageError naming a wrong option."""
        ...

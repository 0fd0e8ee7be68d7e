"""What conformance rules work with: the two processes that a codec runs in, and a verdict's form."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from ..api.types import Bitstream, ClipSpec
from ..execution.executors import LocalExecutor
from ..execution.job import Call
from ..media.delay import Delay
from . import worker
from .clips import CheckClip
from .worker import DecodedClip, EncodedClip, Identity, Refusal

STEP_LIMIT_S = 120.0


@dataclass(frozen=True)
class CheckResult:
    """One rule. ok: None when it could not be judged; message: what was found, and how to fix it."""

    name: str
    ok: bool | None
    message: str


class Stop(Exception):
    """No further rule can be judged; the reason."""


class Process:
    """A worker process that outlives its codec's hangs and crashes: a fresh one takes its place."""

    def __init__(self, codec: str, device: str, folder: Path, limit_s: float) -> None:
        folder.mkdir()
        self._codec = codec
        self._folder = str(folder)
        self._limit_s = limit_s
        self._warm = False
        self._executor = LocalExecutor(1, [device])

    def _ask(self, function: Callable[..., Any], limit_s: float, **arguments: object) -> Any:
        if not self._warm:  # a new process's start-up is not charged to the codec
            self._run(worker.warm, STEP_LIMIT_S)
            self._warm = True
        return self._run(function, limit_s, **arguments)

    def _limit_for(self, spec: ClipSpec) -> float:
        """Seconds that coding a clip may take: in proportion to its duration beyond 0.4 s."""
        return self._limit_s * max(1.0, spec.duration_s / CheckClip().spec.duration_s)

    def _run(self, function: Callable[..., Any], limit_s: float, **arguments: object) -> Any:
        call = Call(function, {**arguments, "folder": self._folder}, time_limit_s=limit_s)
        self._executor.submit(call)
        while (outcome := self._executor.next()) is None:
            pass
        if outcome.status == "ok":
            return outcome.value
        self._warm = False  # another process takes the lost one's place
        return Refusal("lost", f"{outcome.status}: {outcome.error}")

    def identify(self) -> Identity | Refusal:
        """What the codec says of itself, in a process that has imported nothing heavy yet."""
        return self._run(worker.identify, STEP_LIMIT_S, codec=self._codec)

    def load(self) -> Identity | Refusal:
        """What the loaded codec says of itself."""
        return self._ask(worker.load, self._limit_s, codec=self._codec)

    def encode(self, point: str, recipe: CheckClip, instance: int = 0) -> EncodedClip | Refusal:
        """Encode with one of the process's instances of the codec."""
        ask = partial(self._ask, worker.encode, self._limit_for(recipe.spec), codec=self._codec)
        return ask(point=point, recipe=recipe, instance=instance)

    def decode(
        self, data: bytes, spec: ClipSpec, instance: int = 0, limit_s: float | None = None
    ) -> DecodedClip | Refusal:
        """Decode with one of the process's instances of the codec."""
        shape = json.dumps(spec.to_dict())
        most_s = self._limit_for(spec)
        ask = partial(self._ask, worker.decode, min(limit_s or most_s, most_s), codec=self._codec)
        return ask(data=data, spec=shape, instance=instance)

    def delays(self, data: bytes, recipe: CheckClip) -> tuple[Delay, Delay] | Refusal:
        """How late the decoded sound is against the recipe's: by its waveform, and by its envelope."""
        limit_s = self._limit_for(recipe.spec)
        return self._ask(worker.delays, limit_s, codec=self._codec, data=data, recipe=recipe)

    def timeline(self, data: bytes, spec: ClipSpec) -> dict[str, int] | Refusal | None:
        """Steps of each part's timeline, or None where the codec has no timeline."""
        shape = json.dumps(spec.to_dict())
        return self._ask(worker.timeline, self._limit_for(spec), codec=self._codec, data=data, spec=shape)

    def close(self) -> None:
        """End the process."""
        self._executor.close()


@dataclass
class Bench:
    """What the rules share: the two processes, and what the first of them found.

    point: the middle of the ladder, where most rules are tried; recipe and other: two clips of one
    shape; first and second: their bitstreams at `point`; decoded: of `first`, in the decoding process.
    """

    codec: str
    encoder: Process
    decoder: Process
    recipe: CheckClip = field(default_factory=CheckClip)
    identity: Identity | None = None
    point: str = ""
    first: EncodedClip | None = None
    second: EncodedClip | None = None
    decoded: DecodedClip | None = None

    @property
    def other(self) -> CheckClip:
        return replace(self.recipe, seed=self.recipe.seed + 1)

    @property
    def modalities(self) -> tuple[str, ...]:
        assert self.identity
        return self.identity.modalities

    @property
    def points(self) -> list[str]:
        assert self.identity
        return list(self.identity.points)


def stream_of(encoded: EncodedClip) -> Bitstream:
    """The bitstream that was encoded."""
    return Bitstream.from_bytes(encoded.data)


def verdict(name: str, wrong: str, right: str) -> CheckResult:
    """A result that failed where there is something wrong to say."""
    return CheckResult(name, not wrong, wrong or right)

"""A metric is planned, or refused where it is described: none is accepted and then never computed."""

import itertools
from dataclasses import dataclass
from typing import Any

import pytest
from talkbench.benchmark.api import metric, registry
from talkbench.benchmark.api.metric import MetricInfo
from talkbench.benchmark.util.errors import UsageError


def info(name: str, kind: Any, modality: Any) -> MetricInfo:
    return MetricInfo(name, modality, kind, "", True, (0, 1), "", "")


@dataclass
class Module:
    infos: list[MetricInfo]

    def describe(self, **_: Any) -> list[MetricInfo]:
        return self.infos


def described(monkeypatch: pytest.MonkeyPatch, *infos: MetricInfo) -> Any:
    monkeypatch.setattr(registry, "metric_family", lambda name: Module(list(infos)))
    return registry.describe_family("mine", {})


KINDS, LOOKS = ("frame", "clip", "pair", "set"), ("video", "audio", "pair")
FINE = {("frame", "video"), ("clip", "video"), ("clip", "audio"), ("pair", "pair"), ("set", "video")}


@pytest.mark.parametrize(("kind", "modality"), list(itertools.product(KINDS, LOOKS)))
def test_every_kind_and_modality_is_planned_or_refused(
    monkeypatch: pytest.MonkeyPatch, kind: str, modality: str
) -> None:
    one = info("nice_one", kind, modality)
    if (kind, modality) in FINE:
        assert described(monkeypatch, one) == [one]
        return
    with pytest.raises(UsageError) as caught:
        described(monkeypatch, one)
    words = str(caught.value)
    assert "\n" not in words
    for part in ("'mine'", "'nice_one'", repr(kind), repr(modality), "clip (video or audio)", "pair (pair)"):
        assert part in words


def test_a_kind_that_does_not_exist_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="'movie'"):
        described(monkeypatch, info("x", "movie", "video"))


@pytest.mark.parametrize(
    ("first", "second", "fits"),
    [
        (("frame", "video"), ("clip", "video"), True),
        (("set", "video"), ("set", "video"), True),
        (("clip", "video"), ("clip", "audio"), False),
        (("frame", "video"), ("set", "video"), False),
        (("pair", "pair"), ("clip", "audio"), False),
    ],
)
def test_one_family_has_one_contract_and_one_modality(
    monkeypatch: pytest.MonkeyPatch, first: tuple[str, str], second: tuple[str, str], fits: bool
) -> None:
    infos = [info("one", *first), info("other", *second)]
    if fits:
        assert described(monkeypatch, *infos) == infos
        return
    with pytest.raises(UsageError, match=r"'one'.*'other'.*cannot be of one family"):
        described(monkeypatch, *infos)


def test_those_that_exist_are_planned() -> None:
    families: dict[str, list[MetricInfo]] = {}
    for family, one in registry.metrics().values():
        families.setdefault(family, []).append(one)
    assert len(families) > 10
    assert {name: metric.why_not_planned(infos) for name, infos in families.items()} == dict.fromkeys(
        families
    )

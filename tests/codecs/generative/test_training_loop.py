"""The loop: what is interrupted or killed and resumed is, bit for bit, what it would have been."""

import os
import pickle
import re
import signal
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from talkbench.benchmark.training import loop
from talkbench.benchmark.util.errors import UsageError
from talkbench.codecs._face.training import trainer as training
from talkbench.codecs._face.training.batches import batch
from talkbench.codecs._face.training.trainer import LAST_RATE, RATE, WARM_UP, Trainer, learning_rate


class Killed(BaseException):
    """What a power cut does: nothing is saved any more."""


@pytest.fixture
def run(people, tiny_plan, monkeypatch, tmp_path):
    """Trains to the end: (folder, what happens at which step, resume) -> trainer, losses by step, lines."""
    monkeypatch.setattr(loop, "EVERY", 3)

    def start(name, happens=None, resume=False, steps=6, minutes=None, jacobians=True):
        trainer = Trainer(tiny_plan(steps=steps, jacobians=jacobians), "cpu", people, people[:1])
        checkpoint = tmp_path / name / "checkpoint.pt"
        if resume:
            trainer.resume(checkpoint)
        losses, lines, shares = {}, [], []
        whole_step = trainer.step

        def step(batch, share):
            losses[trainer.progress.step] = whole_step(batch, share)
            shares.append(share)
            if happens:
                happens(trainer.progress.step)
            return losses[trainer.progress.step]

        trainer.step = step
        try:
            loop.steps(trainer, steps, checkpoint, minutes, lambda text, lasting=False: lines.append(text))
        except KeyboardInterrupt:
            trainer.save(checkpoint)
        except Killed:
            pass
        return trainer, losses, lines, shares

    return start


def at_step(number, act):
    return lambda step: act() if step == number else None


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


def terminate():
    os.kill(os.getpid(), signal.SIGTERM)


def kill():
    raise Killed


def test_a_resumed_run_is_the_uninterrupted_one(run):
    """Asked to end, it has saved the whole step; killed, it goes on from the last checkpoint, of step 3."""
    before = signal.getsignal(signal.SIGINT)
    whole, losses, _, _ = run("whole")
    for stop, resumed_at in ((interrupt, 4), (terminate, 4), (kill, 3)):
        name = stop.__name__
        _, first, _, _ = run(name, at_step(4, stop))
        assert sorted(first) == [1, 2, 3, 4]
        trainer, rest, lines, _ = run(name, resume=True)
        assert sorted(rest) == list(range(resumed_at + 1, 7))
        assert {**first, **rest} == losses  # exactly
        assert lines[0].startswith(f"step {resumed_at + 1} of 6")
        for kind in ("network", "average"):
            ours, theirs = (getattr(t, kind).state_dict() for t in (trainer, whole))
            assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
        assert [fact["step"] for fact in whole.progress.curve] == [3, 6]
        assert trainer.progress.curve == whole.progress.curve
        assert signal.getsignal(signal.SIGINT) is before


def test_the_line_says_losses_pace_and_time_left(run):
    _, losses, lines, _ = run("whole", steps=3, jacobians=False)
    number = r"\d+\.\d\d"
    assert re.fullmatch(
        rf"step 2 of 3 \(67%\): pixels {number}\d, structure {number}\d, motion {number}\d, "
        rf"extra {number}\d, {number} s a step, \d+:\d\d left",
        lines[1],
    )
    assert f"pixels {np.mean([losses[step]['pixels'] for step in (1, 2)]):.3f}" in lines[1]


def test_a_budget_holds_the_whole_schedule(run, monkeypatch):
    """Endless steps of a quarter of a second, but two seconds: the rate falls, the end is of full size."""
    now, sizes, pyramid = [100.0], [], training.pyramid
    monkeypatch.setattr(loop, "time", SimpleNamespace(monotonic=lambda: now[0]))

    def noted(made, wanted):
        sizes.append(made.shape[-1])
        return pyramid(made, wanted)

    monkeypatch.setattr(training, "pyramid", noted)
    monkeypatch.setattr(training, "LATE", 0.6)

    def quarter(_):
        now[0] += 0.25

    trainer, _, lines, shares = run("budget", quarter, steps=10**6, minutes=2 / 60, jacobians=False)
    assert shares == [step / 8 for step in range(8)]
    assert trainer.progress.seconds == 2
    assert sizes[::2] == [32] * 5 + [64] * 3  # `pixels`; `motion`, after it, is always at half the size
    assert learning_rate(WARM_UP, shares[-1]) < 0.06 * RATE
    assert "(12%)" in lines[0]
    assert lines[0].endswith("0.25 s a step, 0:02 left")
    assert "(100%)" in lines[-1]
    assert lines[-1].endswith("0:00 left")
    # Interrupted, it has what is left of the budget, and not all of it again.
    cut = run("cut", lambda step: (quarter(step), step == 3 and interrupt()), steps=10**6, minutes=2 / 60)
    assert cut[3] == shares[:3]
    assert run("cut", quarter, resume=True, steps=10**6, minutes=2 / 60)[3] == shares[3:]


def test_the_rate_rises_and_falls():
    rates = [learning_rate(step, step / 1300) for step in range(0, 1301, 10)]
    assert rates[0] == pytest.approx(RATE / WARM_UP)
    assert max(rates) == pytest.approx(RATE, rel=0.03)
    assert learning_rate(1300, 1) == pytest.approx(LAST_RATE)
    assert rates[10:] == sorted(rates[10:], reverse=True)


def test_it_learns(people, tiny_plan):
    trainer = Trainer(tiny_plan(steps=40), "cpu")
    pair = batch(people, np.random.default_rng(0), 2)
    losses = [sum(trainer.step(pair, 0.0).values()) for _ in range(12)]
    assert losses[-1] < 0.85 * losses[0]


class Code:
    """Pickled, it makes a file when it is read."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return (open, (str(self.mark), "w"))


def test_a_checkpoint_of_something_else_is_refused(tiny_plan, tmp_path):
    fomm, dac = (tiny_plan(jacobians=jacobians) for jacobians in (True, False))
    path = tmp_path / "checkpoint.pt"
    Trainer(fomm, "cpu").save(path)
    Trainer(fomm, "cpu").resume(path)
    whole = path.read_bytes()

    def refused(plan=fomm):
        with pytest.raises(UsageError, match=r"checkpoint\.pt is not a checkpoint of this recipe") as refused:
            Trainer(plan, "cpu").resume(path)
        assert len(str(refused.value)) < 500
        return str(refused.value)

    assert "size mismatch" in refused(dac) or "nexpected key" in refused(dac)
    for content in (b"", b"text", whole[: len(whole) // 2], whole[:100]):
        path.write_bytes(content)
        refused()
    torch.save({"network": {}}, path)
    refused()
    torch.save([1, 2], path)
    refused()
    mark = tmp_path / "mark"
    for content in (pickle.dumps(Code(mark)), None):
        if content is None:
            torch.save({"network": Code(mark)}, path)
        else:
            path.write_bytes(content)
        assert "could run code" in refused()
        assert not mark.exists()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU is visible here")
def test_a_gpu_trains_and_its_checkpoint_goes_on_there(people, tiny_plan, tmp_path):
    trainer = Trainer(tiny_plan(), "cuda:0")
    pairs = [batch(people, np.random.default_rng((2, step)), 4) for step in range(3)]
    on_cpu = Trainer(tiny_plan(), "cpu").step(pairs[0], 0.95)
    assert trainer.step(pairs[0], 0.95)["structure"] == pytest.approx(on_cpu["structure"], rel=0.05)
    trainer.save(tmp_path / "checkpoint.pt")
    resumed = Trainer(tiny_plan(), "cuda:0")
    resumed.resume(tmp_path / "checkpoint.pt")
    assert resumed.step(pairs[1], 0.95) == pytest.approx(trainer.step(pairs[1], 0.95), rel=1e-2)
    assert trainer.kept().kp_detector.kp.weight.device.type == "cuda"

"""Kill talkbench at random moments, resume it, and compare what it left with a run that nobody touched.

    python tests/reliability/kills.py --kills 50 --seed 1 [--kinds parent,ffmpeg] [--keep FOLDER]

A round copies or begins a store, starts a command and kills it, over and over until it ends by itself,
resumes it where it did not end well, and counts against the reference: rows lost, rows doubled, and rows that
are stale: other values than the reference where the codec is deterministic; scores that do not belong to the
bitstream, which is decoded and scored again, where not.
One line of figures per kind of kill; exit code 1 if anything was lost, doubled, stale or not resumed.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import psutil
from talkbench.benchmark.sharing import structure
from talkbench.benchmark.store.artifacts import bitstream_path
from talkbench.benchmark.util.hashing import sha256_file

PACKAGE = Path(__file__).parents[1] / "example_package"
SUITE = """
name = "tiny"
systems = {systems}
metrics = ["psnr", "snr"]
time_limit_s = 120

[[datasets]]
use = "moving"
clips = 2
"""
SYSTEMS = {
    "fast": ["fake-video+fake-audio", "fake-joint"],
    "ffmpeg": ["still"],
    "random": ["broken-random-encoder"],
}
KEYS = {  # table -> what makes a row one row, and what a row of a deterministic codec holds
    "clips": ("clip_id", "name, sha256, status, selected"),
    "encodes": ("encode_id", "codec, point, status, bits_video, bits_audio, bitstream_sha256, decode_status"),
    "scores": ("encode_id, metric, fingerprint", "value, frame_values, weight, status"),
    "pair_scores": ("video_encode_id, audio_encode_id, metric, fingerprint", "value, weight, status"),
    "set_scores": ("dataset, codec, fingerprint, point, metric", "value, n, clips, status"),
    "rd_points": ("*", "1"),
    "bd_rates": ("*", "1"),
}
MADE_OF_RANDOM = {"rd_points", "bd_rates"}  # their rows hold what a codec that is not deterministic gives
Kill = Callable[["Lab", subprocess.Popen[str], float], int]
ATTEMPTS = 3  # to resume
PATIENCE_S = 300


@dataclass
class Figures:
    """Of one kind of kill: how many rounds, how many kills met a running process, and what they broke."""

    rounds: int = 0
    kills: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        words = ", ".join(
            f"{self.counts[what]} {what}" for what in ("lost", "doubled", "stale", "not resumed")
        )
        return f"{self.rounds} rounds, {self.kills} kills: {words}"


class Lab:
    """A folder with suites, reference stores and an environment in which the example codecs are installed."""

    def __init__(self, folder: Path, seed: int, most: int) -> None:
        self.folder, self.random, self.most, self.number = folder, random.Random(seed), most, 0
        path = [_site(folder), PACKAGE, *filter(None, [os.environ.get("PYTHONPATH")])]
        self.environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, path)),
            "TALKBENCH_CACHE": str(folder / "cache"),
        }
        for name, systems in SYSTEMS.items():
            (folder / f"{name}.toml").write_text(SUITE.format(systems=systems))
        self.references: dict[str, Path] = {}
        self.seconds: dict[str, float] = {}

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        """`talkbench ARGUMENTS`, in a process group of its own."""
        program = Path(sys.executable).parent / "talkbench"
        return subprocess.Popen(
            [str(program), *map(str, arguments)],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def finish(self, *arguments: object) -> str:
        """The output of a command that nobody touches, empty if it ended well; again after a failure."""
        output = ""
        for _ in range(ATTEMPTS):
            process = self.start(*arguments)
            output, _ = process.communicate(timeout=PATIENCE_S)
            if process.returncode == 0:
                return ""
        return output or "no word"

    def sweep(self, suite: str, out: Path) -> list[object]:
        return ["sweep", self.folder / f"{suite}.toml", "--out", out, "--workers", 2]

    def reference(self, suite: str) -> Path:
        """The store of an undisturbed sweep, and how long that took. Raises RuntimeError where it fails."""
        if suite not in self.references:
            out = self.folder / f"reference-{suite}"
            started = time.perf_counter()
            wrong = self.finish(*self.sweep(suite, out))
            if wrong:
                raise RuntimeError(f"the undisturbed sweep of {suite!r} fails: {wrong}")
            self.references[suite], self.seconds[suite] = out, time.perf_counter() - started
        return self.references[suite]

    def new(self) -> Path:
        self.number += 1
        return self.folder / f"round-{self.number}"

    def wait(self, process: subprocess.Popen[str], longest_s: float) -> bool:
        """Let a random part of `longest_s` pass. Whether the process still runs then."""
        until = time.perf_counter() + self.random.uniform(0, longest_s)
        while time.perf_counter() < until and process.poll() is None:
            time.sleep(0.01)
        return process.poll() is None

    def disturb(self, arguments: Sequence[object], kill: Kill, longest_s: float) -> tuple[int, bool]:
        """Start a command and kill it, again and again until it ends by itself.

        How many kills there were, and whether it ended well.
        """
        kills, code = 0, -1
        while kills < self.most and code < 0:
            process = self.start(*arguments)
            # Early and late: what a run goes through first is met more often.
            kills += kill(self, process, longest_s * self.random.uniform(0.2, 1))
            process.communicate(timeout=PATIENCE_S)
            code = process.returncode
        return kills, code == 0


def _site(folder: Path) -> Path:
    """A folder that, on the path, makes the example package as good as installed."""
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text())["project"]
    facts = folder / "site" / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 0.1.0\n")
    groups = project["entry-points"].items()
    lines = [
        line for group, found in groups for line in (f"[{group}]", *(f"{k} = {v}" for k, v in found.items()))
    ]
    (facts / "entry_points.txt").write_text("\n".join(lines))
    return folder / "site"


def rows(store: Path, table: str) -> list[tuple[tuple[Any, ...], tuple[Any, ...]]]:
    """(key, values) of each row of a table."""
    key, values = KEYS[table]
    with duckdb.connect(str(store / "talkbench.duckdb"), read_only=True) as connection:
        keys = connection.execute(f"SELECT {key} FROM {table} LIMIT 0").description or []
        found = connection.execute(f"SELECT {key}, {values} FROM {table}").fetchall()
    return [(_plain(row[: len(keys)]), _plain(row[len(keys) :])) for row in found]


def _plain(row: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple(map(repr, row))


def compare(store: Path, reference: Path, deterministic: bool) -> Counter[str]:
    """Rows lost, doubled and stale in `store`."""
    counts: Counter[str] = Counter()
    for table in KEYS.keys() - (set() if deterministic else MADE_OF_RANDOM):
        wanted, found = rows(reference, table), rows(store, table)
        known = dict(found)
        counts["doubled"] += len(found) - len(known)
        counts["lost"] += sum(key not in known for key, _ in wanted)
        counts["stale"] += len(known.keys() - dict(wanted).keys())
        if deterministic:
            counts["stale"] += sum(key in known and known[key] != values for key, values in wanted)
    with duckdb.connect(str(store / "talkbench.duckdb"), read_only=True) as connection:
        sql = "SELECT encode_id, bitstream_sha256 FROM encodes WHERE status = 'ok'"
        for encode_id, sha256 in connection.execute(sql).fetchall():
            path = bitstream_path(store, encode_id)
            counts["lost"] += not path.exists()
            counts["stale"] += path.exists() and sha256_file(path) != sha256
        counts["stale"] += sum(len(check.wrong) for check in structure.check(connection, store))
    return counts


def scored_again(lab: Lab, store: Path) -> Counter[str]:
    """Whether each score belongs to the bitstream that is there: all are decoded and scored again."""
    archive = store.with_suffix(".zip")
    wrong = lab.finish("submit", store, "--out", archive) or lab.finish(
        "verify", archive, "--all", "--workers", 2
    )
    if wrong:
        print(wrong, file=sys.stderr)
    return Counter({"stale": int(bool(wrong))})


def kill_parent(lab: Lab, process: subprocess.Popen[str], longest_s: float) -> int:
    alive = lab.wait(process, longest_s)
    process.kill()
    return int(alive)


def kill_group(lab: Lab, process: subprocess.Popen[str], longest_s: float) -> int:
    alive = lab.wait(process, longest_s)
    if alive:
        os.killpg(process.pid, signal.SIGKILL)
    return int(alive)


def kill_worker(lab: Lab, process: subprocess.Popen[str], longest_s: float) -> int:
    """A worker process first, the command later: one job may lose one process in a run, and no more."""
    lab.wait(process, longest_s / 2)
    killed = _kill_one(lab, process, _is_worker)
    return killed + kill_parent(lab, process, longest_s)


def kill_ffmpeg(lab: Lab, process: subprocess.Popen[str], longest_s: float) -> int:
    """A child of a worker first, the command later."""
    lab.wait(process, longest_s / 2)
    killed = _kill_one(lab, process, lambda child: child.name().startswith("ffmpeg"))
    return killed + kill_parent(lab, process, longest_s)


def _is_worker(child: psutil.Process) -> bool:
    words = " ".join(child.cmdline())
    servers = ("multiprocessing.forkserver", "multiprocessing.resource_tracker")
    return "spawn_main" in words or any(name in words for name in servers)


def _kill_one(lab: Lab, process: subprocess.Popen[str], wanted: Callable[[psutil.Process], bool]) -> int:
    """Kill a descendant of the process as soon as there is one as wanted. How many were killed: 0 or 1."""
    while process.poll() is None:
        try:
            children = psutil.Process(process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return 0
        lab.random.shuffle(children)
        for child in children:
            try:
                if wanted(child):
                    child.kill()
                    return 1
            except psutil.NoSuchProcess:  # it ended by itself; another one will do
                continue
        time.sleep(0.002)
    return 0


def sweep_round(
    lab: Lab, kill: Kill, suite: str, figures: Figures, begin: Callable[[Lab, Path], None]
) -> None:
    """A sweep, disturbed, is resumed until it ends well; its store is compared with the reference."""
    reference, out = lab.reference(suite), lab.new()
    begin(lab, out)
    kills, done = lab.disturb(lab.sweep(suite, out), kill, lab.seconds[suite])
    figures.kills += kills
    wrong = "" if done else lab.finish(*lab.sweep(suite, out))
    if wrong:
        print(wrong, file=sys.stderr)
        figures.counts["not resumed"] += 1
        return
    figures.counts += compare(out, reference, suite != "random")
    if suite == "random":
        figures.counts += scored_again(lab, out)
    shutil.rmtree(out)


def nothing(lab: Lab, out: Path) -> None:
    """The sweep begins from nothing."""


def lose(lab: Lab, out: Path) -> None:
    """The sweep begins from a finished store in which one bitstream is gone."""
    _some_bitstream(lab, out).unlink()


def damage(lab: Lab, out: Path) -> None:
    """The sweep begins from a finished store in which a byte of one bitstream has changed."""
    path = _some_bitstream(lab, out)
    data = bytearray(path.read_bytes())
    data[lab.random.randrange(len(data))] ^= 1 + lab.random.randrange(255)
    path.write_bytes(data)


def _some_bitstream(lab: Lab, out: Path) -> Path:
    return lab.random.choice(sorted(out.rglob("*.tkb")))


def from_finished(suite: str, change: Callable[[Lab, Path], None]) -> Callable[[Lab, Path], None]:
    """A beginning from a copy of the reference store of `suite`, changed."""

    def begin(lab: Lab, out: Path) -> None:
        shutil.copytree(lab.reference(suite), out)
        change(lab, out)

    return begin


def command_round(lab: Lab, command: str, figures: Figures) -> None:
    """A command on a finished store is killed and done again; the stores are compared with the reference."""
    reference, out = lab.reference("fast"), lab.new()
    shutil.copytree(reference, out)
    merged = out.with_name(f"{out.name}-merged")
    arguments: list[object] = {
        "report": ["report", out],
        "merge": ["merge", out, reference, "--out", merged],
        "submit": ["submit", out],
        "export": ["export", out],
    }[command]
    if command not in lab.seconds:
        copy = lab.new()
        shutil.copytree(reference, copy)
        started = time.perf_counter()
        again = [copy if one == out else copy.with_name("m") if one == merged else one for one in arguments]
        if wrong := lab.finish(*again):
            raise RuntimeError(f"an undisturbed {command} fails: {wrong}")
        lab.seconds[command] = time.perf_counter() - started
    kills, done = lab.disturb(arguments, kill_parent, lab.seconds[command])
    figures.kills += kills
    done |= command == "merge" and merged.exists()  # the kill came too late; the folder appears whole or not
    wrong = "" if done else lab.finish(*arguments)
    if wrong:
        print(wrong, file=sys.stderr)
        figures.counts["not resumed"] += 1
        return
    figures.counts += compare(out, reference, deterministic=True)
    if command == "merge":
        figures.counts += compare(merged, reference, deterministic=True)
    shutil.rmtree(out)
    shutil.rmtree(merged, ignore_errors=True)


def _of_sweep(kill: Kill, suite: str, begin: Callable[[Lab, Path], None]) -> Callable[[Lab, Figures], None]:
    return lambda lab, figures: sweep_round(lab, kill, suite, figures, begin)


def _of_command(command: str) -> Callable[[Lab, Figures], None]:
    return lambda lab, figures: command_round(lab, command, figures)


KINDS: dict[str, Callable[[Lab, Figures], None]] = {
    "parent": _of_sweep(kill_parent, "fast", nothing),
    "worker": _of_sweep(kill_worker, "fast", nothing),
    "random-lost": _of_sweep(kill_parent, "random", from_finished("random", lose)),
    "ffmpeg": _of_sweep(kill_ffmpeg, "ffmpeg", nothing),
    "merge": _of_command("merge"),
    "group": _of_sweep(kill_group, "fast", nothing),
    "lost": _of_sweep(kill_parent, "fast", from_finished("fast", lose)),
    "damaged": _of_sweep(kill_group, "fast", from_finished("fast", damage)),
    "random": _of_sweep(kill_parent, "random", nothing),
    "random-damaged": _of_sweep(kill_group, "random", from_finished("random", damage)),
    "report": _of_command("report"),
    "submit": _of_command("submit"),
    "export": _of_command("export"),
}


def run(lab: Lab, kinds: Sequence[str], kills: int) -> dict[str, Figures]:
    """Rounds, the kinds in turn, until there were as many kills as asked for and a round of each kind."""
    figures = {kind: Figures() for kind in kinds}
    number = 0
    while number < len(kinds) or sum(found.kills for found in figures.values()) < kills:
        kind = kinds[number % len(kinds)]
        KINDS[kind](lab, figures[kind])
        figures[kind].rounds += 1
        number += 1
        print(f"round {number}, {kind}: {figures[kind]}", file=sys.stderr, flush=True)
    return figures


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; 1 if anything was lost, doubled, stale or could not be resumed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--kills", type=int, default=len(KINDS), help="at least so many, and a round of each kind"
    )
    parser.add_argument("--most", type=int, default=16, help="kills in one round, at most")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", default=",".join(KINDS), help=f"of {', '.join(KINDS)}")
    parser.add_argument("--keep", type=Path, help="a new folder to work in, which is kept")
    asked = parser.parse_args(arguments)
    kinds = asked.kinds.split(",")
    if unknown := set(kinds) - KINDS.keys():
        parser.error(f"unknown kinds: {', '.join(sorted(unknown))}; there are {', '.join(KINDS)}")
    with tempfile.TemporaryDirectory(prefix="talkbench-kills-") as temporary:
        folder = asked.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        figures = run(Lab(folder.resolve(), asked.seed, asked.most), kinds, asked.kills)
    for kind, found in figures.items():
        print(f"{kind}: {found}")
    whole = Figures(sum(found.rounds for found in figures.values()), sum(f.kills for f in figures.values()))
    whole.counts = sum((found.counts for found in figures.values()), Counter())
    print(f"all: {whole}")
    return int(any(sum(found.counts.values()) for found in figures.values()))


if __name__ == "__main__":
    sys.exit(main())

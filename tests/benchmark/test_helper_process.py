"""Programs that something kills while they run: tried again, and never taken for a finding."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from talkbench.benchmark.execution.executors import run_job
from talkbench.benchmark.execution.job import Call
from talkbench.benchmark.media import ffmpeg
from talkbench.benchmark.util import helper_process
from talkbench.benchmark.util.errors import CodecError, HelperKilled, Unavailable

Program = tuple[Path, Path]


@pytest.fixture
def mortal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    """An ffmpeg that is killed as often as a file has lines, and then is the true one; and that file."""
    true, deaths, program = ffmpeg.executable(), tmp_path / "deaths", tmp_path / "ffmpeg"
    program.write_text(
        f"""#!/bin/sh
if [ -s {deaths} ]; then
    number=$(head -n 1 {deaths})
    sed -i 1d {deaths}
    kill -$number $$
fi
exec {true} "$@"
"""
    )
    program.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(program))
    for cached in (ffmpeg.executable, ffmpeg.version, ffmpeg._names):
        cached.cache_clear()
    yield program, deaths
    for cached in (ffmpeg.executable, ffmpeg.version, ffmpeg._names):
        cached.cache_clear()


@pytest.mark.parametrize("number", ["KILL", "SEGV", "TERM"])
def test_a_probe_that_is_killed_is_asked_again(mortal: Program, number: str) -> None:
    mortal[1].write_text(f"{number}\n" * (helper_process.ATTEMPTS - 1))
    assert ffmpeg.missing(["libx265"], filters=["xpsnr"]) is None


def test_a_probe_that_is_always_killed_is_no_verdict_and_is_not_remembered(mortal: Program) -> None:
    mortal[1].write_text("KILL\n" * helper_process.ATTEMPTS)
    with pytest.raises(HelperKilled, match=r"SIGKILL, 3 times in a row; run again"):
        ffmpeg.missing(["libx265"])
    assert ffmpeg.missing(["libx265"]) is None


def one_picture(device: str) -> int:
    source = ["-f", "lavfi", "-i", "color=size=64x64:rate=1:duration=1", "-f", "rawvideo"]
    return len(ffmpeg.run([*source, "-pix_fmt", "gray", "pipe:1"]))


ONE_PICTURE = Call(one_picture, time_limit_s=60)


def test_a_job_whose_helper_is_killed_is_done_again(mortal: Program) -> None:
    mortal[1].write_text("KILL\nSEGV\n")
    assert run_job(ONE_PICTURE, "cpu")[:3] == ("ok", 64 * 64, None)


@pytest.mark.parametrize(
    ("numbers", "status", "error"),
    [
        (("KILL",) * 3, "interrupted", "ffmpeg was killed by SIGKILL, 3 times in a row; run again"),
        (("TERM",) * 3, "interrupted", "ffmpeg was killed by SIGTERM, 3 times in a row; run again"),
        (("HUP",) * 3, "interrupted", "ffmpeg was killed by SIGHUP, 3 times in a row; run again"),
        # A crash that a kill interrupted may be one by chance; one that comes every time is ffmpeg's own.
        (
            ("SEGV", "KILL", "SEGV"),
            "interrupted",
            "ffmpeg was killed by SIGSEGV, 3 times in a row; run again",
        ),
        (("SEGV",) * 3, "failed", "ffmpeg was killed by SIGSEGV, 3 times in a row"),
        (("ABRT", "BUS", "ILL"), "failed", "ffmpeg was killed by SIGILL, 3 times in a row"),
        (("FPE",) * 3, "failed", "ffmpeg was killed by SIGFPE, 3 times in a row"),
    ],
)
def test_a_helper_that_dies_every_time_is_a_finding_where_it_crashes(
    mortal: Program, numbers: tuple[str, ...], status: str, error: str
) -> None:
    mortal[1].write_text("".join(f"{number}\n" for number in numbers))
    assert run_job(ONE_PICTURE, "cpu")[:3] == (status, None, error)


def test_an_exit_code_is_a_finding_at_once(mortal: Program) -> None:
    mortal[0].write_text("#!/bin/sh\necho no such filter >&2\nexit 4\n")
    with pytest.raises(CodecError, match="exit code 4: no such filter"):
        ffmpeg.run(["pipe:1"])
    with pytest.raises(Unavailable, match="exit code 4: no such filter"):
        ffmpeg.version()


def test_what_does_not_end_in_time_is_killed_and_no_finding() -> None:
    with pytest.raises(HelperKilled, match=r"sleep did not end within 0.1 s"):
        helper_process.finished(["sleep", "60"], timeout_s=0.1)

"""One file from the network: resumed after a cut, verified before it gets its name, by one process only."""

from __future__ import annotations

import bz2
import http.client
import os
import re
import shutil
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ... import __version__
from ..util.errors import DownloadError
from ..util.hashing import sha256_file
from .entry import may_fetch

TIMEOUT_S = 30.0
WAITS_S = (1.0, 2.0, 4.0, 8.0)  # before each further try; a try that brought bytes starts the count again
_CHUNK = 1 << 20
_WORTH_A_RETRY = {408, 425, 429, 500, 502, 503, 504}

Progress = Callable[[int, int], None]  # bytes that are here, bytes in all
Say = Callable[[str], None]


@dataclass(frozen=True)
class Source:
    """What to fetch. size, sha256: of the file after unpacking, 0 and '' where they are not known."""

    url: str
    size: int = 0
    sha256: str = ""
    unpack: str = ""


def download(source: Source, target: Path, progress: Progress, say: Say) -> str:
    """Fetch `source` to `target` and return its sha256. What was received stays for the next try.

    progress: called with (bytes here, bytes in all); say: called with messages about waits and retries.
    Raises DownloadError. A file that is not the expected one is set aside as `NAME.wrong-sha256`.
    """
    from filelock import FileLock, Timeout

    part = target.with_name(f"{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(f"{target}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            say(f"another process is fetching {target.name}: waiting for it")
            lock.acquire()
        try:
            if target.is_file():  # the process that was waited for has fetched it, or it is a wrong one
                found = sha256_file(target)
                if not source.sha256 or found == source.sha256:
                    return found
                _set_aside(target, target)
            _receive(source, part, progress, say)
            return _install(source, part, target)
        finally:
            lock.release()
    except OSError as error:
        raise DownloadError(f"{target}: cannot be written: {error.strerror or error}") from error


def _receive(source: Source, part: Path, progress: Progress, say: Say) -> None:
    """Get all bytes into `part`, resuming an interrupted earlier try."""
    failures = 0
    while True:
        before = _length(part)
        try:
            _try(source, part, progress)
            return
        except urllib.error.HTTPError as error:
            problem, final = f"HTTP {error.code} {error.reason}", error.code not in _WORTH_A_RETRY
            if error.code == 416 and before:  # nothing comes after what is here
                if error.headers.get("Content-Range") == f"bytes */{before}":
                    return
                final = False
                part.unlink()
        except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError) as error:
            reason = getattr(error, "reason", error)
            problem = str(reason) or type(reason).__name__
            unknown_host = isinstance(reason, socket.gaierror) and not before
            final = unknown_host or isinstance(reason, ssl.SSLCertVerificationError)
        failures = 1 if _length(part) > before else failures + 1
        if final or failures > len(WAITS_S):
            raise DownloadError(f"{source.url}: {problem}")
        wait = WAITS_S[failures - 1]
        say(f"{source.url}: {problem}; next try in {wait:g} s")
        time.sleep(wait)


def _try(source: Source, part: Path, progress: Progress) -> None:
    """One request. Raises what urllib raises, ConnectionError for a body that ends too early."""
    start, stamp = _length(part), _stamp(part)
    if source.sha256 and not source.unpack and 0 < source.size <= start:
        return
    headers = {"User-Agent": f"talkbench/{__version__}", "Accept-Encoding": "identity"}
    if start and (stamp or source.sha256):
        headers["Range"] = f"bytes={start}-"
        if stamp:
            headers["If-Range"] = stamp
    request = urllib.request.Request(source.url, headers=headers)
    with _opener(bool(source.sha256)).open(request, timeout=TIMEOUT_S) as response:
        total = _total(response, start)
        if response.status != 206:
            start = 0
        expected = source.size if source.size and not source.unpack else total
        if not expected:
            raise DownloadError(f"{source.url}: the server does not say how long the file is")
        if total and total != expected:
            raise DownloadError(f"{source.url}: the server has {total} bytes, expected {expected}")
        free = shutil.disk_usage(part.parent).free
        if free < expected - start:
            raise DownloadError(f"{part.parent}: disk full: {expected - start} bytes wanted, {free} free")
        if not start:
            part.unlink(missing_ok=True)
            _stamp_file(part).write_text(_validator(response))
        with part.open("ab") as file:
            here = start
            progress(here, expected)
            while here < expected and (chunk := _read(response, min(_CHUNK, expected - here))):
                file.write(chunk)
                here += len(chunk)
                progress(here, expected)
            file.flush()
            os.fsync(file.fileno())
        if here < expected:
            raise ConnectionError(f"cut after {here} of {expected} bytes")


def _read(response: http.client.HTTPResponse, size: int) -> bytes:
    try:
        return response.read(size)
    except OSError as error:  # not to be confused with a disk error
        raise ConnectionError(str(error) or type(error).__name__) from error


def _total(response: http.client.HTTPResponse, start: int) -> int:
    """Length of the whole file by the answer's headers, 0 where they do not say."""
    if response.status != 206:
        return int(response.headers.get("Content-Length") or 0)
    span = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
    if not span or int(span[1]) != start:
        raise http.client.HTTPException("the server answered with another range than was asked for")
    return int(span[2])


def _validator(response: http.client.HTTPResponse) -> str:
    """What tells this version of the file from others: a strong ETag or the time of change, or ''."""
    etag = response.headers.get("ETag", "")
    return etag if etag.startswith('"') else response.headers.get("Last-Modified", "")


def _stamp_file(part: Path) -> Path:
    return part.with_name(f"{part.name}.version")


def _stamp(part: Path) -> str:
    try:
        return _stamp_file(part).read_text()
    except OSError:
        return ""


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _opener(hash_is_known: bool) -> urllib.request.OpenerDirector:
    class Redirects(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, req, fp, code, msg, headers, newurl):
            if not may_fetch(newurl, hash_is_known):
                raise DownloadError(f"{req.full_url}: it redirects to {newurl}, which is not https")
            return super().redirect_request(req, fp, code, msg, headers, newurl)

    return urllib.request.build_opener(Redirects)


def _install(source: Source, part: Path, target: Path) -> str:
    """Unpack and verify what was received, and give it its name. Returns its sha256."""
    ready = part
    if source.unpack == "bz2":
        ready = target.with_name(f"{target.name}.unpacked")
        try:
            _unpack_bz2(part, ready, source.size)
        except (OSError, EOFError, ValueError) as error:
            if isinstance(error, OSError) and error.errno:
                raise
            aside = _set_aside(part, target)
            _forget(ready, part)
            raise DownloadError(f"{source.url}: not a whole bz2 file ({error}); kept as {aside}") from error
    size, found = ready.stat().st_size, sha256_file(ready)
    if (source.sha256 and found != source.sha256) or (source.size and size != source.size):
        aside = _set_aside(ready, target)
        _forget(part)
        raise DownloadError(
            f"{source.url}: what came is not the expected file: {size} bytes, sha256 {found}, "
            f"expected {source.size or 'any'} bytes, sha256 {source.sha256 or 'any'}; kept as {aside}"
        )
    ready.replace(target)
    _forget(part)
    return found


def _unpack_bz2(packed: Path, unpacked: Path, size: int) -> None:
    """At most `size` bytes and one more, so that a bomb does not fill the disk."""
    with bz2.open(packed) as source, unpacked.open("wb") as target:
        left = size + 1
        while left and (chunk := source.read(min(_CHUNK, left))):
            target.write(chunk)
            left -= len(chunk)
        target.flush()
        os.fsync(target.fileno())


def _forget(*paths: Path) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
        _stamp_file(path).unlink(missing_ok=True)


def _set_aside(path: Path, target: Path) -> Path:
    aside = target.with_name(f"{target.name}.wrong-sha256")
    path.replace(aside)
    return aside

"""A local HTTP server of a few files, with ranges, that can be told to cut, to fail and to be slow."""

from __future__ import annotations

import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class FileServer:
    """Serves `files` (name to bytes) at `url(name)`; `requests` has the Range of each request, in order.

    cuts: bodies of the next answers end after so many bytes; statuses: the next answers are these errors;
    redirects: name to URL; ranges, lengths: whether the server knows Range, tells Content-Length;
    stamp: the ETag; pause: seconds before each kilobyte.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.redirects: dict[str, str] = {}
        self.cuts: list[int] = []
        self.statuses: list[int] = []
        self.requests: list[str | None] = []
        self.ranges = self.lengths = True
        self.stamp = '"one"'
        self.pause = 0.0

    def __enter__(self) -> FileServer:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner._answer(self)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/{name}"

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        name, wanted = request.path.lstrip("/"), request.headers.get("Range")
        self.requests.append(wanted)
        if self.statuses:
            request.send_error(self.statuses.pop(0))
            return
        if name in self.redirects:
            request.send_response(302)
            request.send_header("Location", self.redirects[name])
            request.end_headers()
            return
        if name not in self.files:
            request.send_error(404)
            return
        body, start = self.files[name], 0
        same = request.headers.get("If-Range", self.stamp) == self.stamp
        if wanted and self.ranges and same:
            start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1])  # pyright: ignore[reportOptionalSubscript]
            if start >= len(body):
                request.send_response(416)
                request.send_header("Content-Range", f"bytes */{len(body)}")
                request.send_header("Content-Length", "0")
                request.end_headers()
                return
            request.send_response(206)
            request.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        else:
            request.send_response(200)
        if self.stamp:
            request.send_header("ETag", self.stamp)
        if self.lengths:
            request.send_header("Content-Length", str(len(body) - start))
        request.end_headers()
        self._send(request, body[start:])

    def _send(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        body = body[: self.cuts.pop(0)] if self.cuts else body
        for start in range(0, len(body), 1024):
            if self.pause:
                time.sleep(self.pause)
            try:
                request.wfile.write(body[start : start + 1024])
            except OSError:
                return

"""The files that a merged store brings along: bitstreams, and the previews of parts that are folders."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .artifacts import bitstream_path, preview_folder
from .errors import UsageError
from .fingerprint import sha256_file

if TYPE_CHECKING:
    from .merge import Part
    from .store import Store


def _link(source: Path, target: Path) -> None:
    """Link a file, or copy it where links do not reach. Results are only ever replaced, never changed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)


def take_bitstreams(store: Store, parts: Sequence[Part], folder: Path) -> int:
    """Bring the file of every finished encode, and check its hash where it then lies. Returns how many."""
    rows = store.connection.execute(
        "SELECT e.encode_id, e.bitstream_sha256, min(a.part) FROM encodes e "
        "JOIN all_encodes a ON a.encode_id = e.encode_id AND a.bitstream_sha256 = e.bitstream_sha256 "
        "WHERE e.status = 'ok' GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    for encode_id, sha256, number in rows:
        target = bitstream_path(folder, encode_id)
        _link(bitstream_path(parts[number].root, encode_id), target)
        if target.is_symlink() or sha256_file(target) != sha256:
            raise UsageError(f"{parts[number].name}: the bitstream {encode_id} changed while it was read")
    return len(rows)


def take_previews(store: Store, parts: Sequence[Part], folder: Path) -> None:
    """Bring previews of what is merged, from the first part that has the files; archives have none.

    Nothing is checked here: a report looks at each preview before it shows it.
    """
    connection = store.connection
    rows = connection.execute(
        "SELECT encode_id, part FROM all_previews WHERE status = 'ok' AND encode_id IN "
        "(SELECT encode_id FROM encodes UNION ALL SELECT 'reference:' || clip_id FROM clips) ORDER BY ALL"
    ).fetchall()
    taken: dict[str, int] = {}
    for encode_id, number in rows:
        source = preview_folder(parts[number].root, encode_id)
        if encode_id in taken or not source.is_dir():
            continue
        taken[encode_id] = number
        for path in source.iterdir():
            if path.is_file() and not path.is_symlink():
                _link(path, preview_folder(folder, encode_id) / path.name)
    connection.execute(
        "INSERT INTO previews BY NAME SELECT * EXCLUDE (part) FROM all_previews "
        "WHERE (encode_id, part) IN (SELECT (unnest(?), unnest(?)))",
        [list(taken), list(taken.values())],
    )
    connection.execute(
        "INSERT INTO previews BY NAME SELECT * EXCLUDE (part) FROM all_previews "
        "WHERE status <> 'ok' AND encode_id NOT IN (SELECT encode_id FROM previews) "
        "QUALIFY row_number() OVER (PARTITION BY encode_id ORDER BY part) = 1"
    )

"""What the pages read: one store, each of its facts fetched once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..benchmark.analysis.clip_curves import ClipCurves, load
from .boards import series
from .boards.leaderboards import Leaderboard, leaderboards
from .queries import facts
from .queries.facts import Row

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Source:
    """An open store. directory: its folder, which has the artifacts (previews), or None.

    diagnostics: whether the BD-rates of `boards` have Akima's and the cubic's beside them.
    """

    connection: duckdb.DuckDBPyConnection
    directory: Path | None = None
    diagnostics: bool = False

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """Rows as dictionaries, JSON columns parsed; parameters: values of `$name` in the SQL."""
        return facts.query(self.connection, sql, parameters)

    @cached_property
    def runs(self) -> list[Row]:
        return facts.runs(self.connection)

    @cached_property
    def suite(self) -> dict[str, Any]:
        """The latest run's suite as it ran; empty where no run is recorded."""
        found = self.runs[0].get("suite_resolved") if self.runs else None
        return json.loads(found) if isinstance(found, str) else dict(found or {})

    @cached_property
    def datasets(self) -> list[Row]:
        return facts.datasets(self.connection)

    @cached_property
    def codecs(self) -> list[Row]:
        return facts.codecs(self.connection)

    @cached_property
    def systems(self) -> list[Row]:
        return facts.systems(self.connection)

    @cached_property
    def metrics(self) -> list[Row]:
        return facts.metrics(self.connection)

    @cached_property
    def metric_facts(self) -> dict[tuple[str, str], Row]:
        """(metric, fingerprint) → its row."""
        return {(row["metric"], row["fingerprint"]): row for row in self.metrics}

    @cached_property
    def curves(self) -> list[ClipCurves]:
        return load(self.connection)

    @cached_property
    def boards(self) -> list[Leaderboard]:
        return leaderboards(self.connection, self.curves, self.diagnostics)

    @cached_property
    def references(self) -> dict[tuple[str, str, str], Row]:
        return facts.references(self.connection)

    @cached_property
    def problems(self) -> list[Row]:
        return facts.problems(self.connection)

    @cached_property
    def looks(self) -> dict[str, dict[str, int]]:
        """System → its colour, dash and marker, the same on every page."""
        return series.styles(self.systems)

    @cached_property
    def marks(self) -> dict[str, list[str]]:
        """System or codec → what a reader must know of it wherever its name stands: keys of `text.MARKS`."""
        words = {}
        for row in self.codecs:
            found = ["synthetic"] if row["weights"] == "synthetic" else []
            words[row["codec"]] = found + (["baseline"] if row["family"] == "floor" else [])
        result = {codec: found for codec, found in words.items() if found}
        for row in self.systems:
            parts = dict.fromkeys((row["video_codec"], row["audio_codec"]))
            if found := [word for part in parts for word in words.get(part, ())]:
                result[row["system"]] = list(dict.fromkeys(found))
        return result

    @cached_property
    def common(self) -> dict[str, Any]:
        """What the scripts of all pages know: looks, marks and kinds of systems, units of metrics."""
        systems = {row["system"]: row for row in self.systems}
        codecs = {row["codec"]: row for row in self.codecs}

        def of(system: Row, column: str) -> list[str]:
            """What the system's codecs are, by a column of theirs."""
            found = (codecs.get(system[side], {}).get(column) for side in ("video_codec", "audio_codec"))
            return sorted({word for word in found if word is not None})

        return {
            "systems": {
                name: {
                    **look,
                    "marks": self.marks.get(name, []),
                    "kind": systems[name]["kind"],
                    "video": systems[name]["video_codec"],
                    "audio": systems[name]["audio_codec"],
                    "families": of(systems[name], "family"),
                    "weights": of(systems[name], "weights"),
                }
                for name, look in self.looks.items()
            },
            "metrics": {
                row["metric"]: {
                    "unit": row["unit"] or "",
                    "higher": row["higher_is_better"],
                    "modality": row["modality"],
                    "kind": row["kind"],
                }
                for row in self.metrics
            },
        }

"""Writes a store's tables and views for other tools: Parquet and CSV as they are, LaTeX for a paper."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ...benchmark.store.parquet import open_results, write
from ...benchmark.util.errors import UsageError
from .. import words
from ..boards.leaderboards import Table, bd_table, leaderboard_table
from ..papers.defaults import PaperSet
from ..source import Source

if TYPE_CHECKING:
    import duckdb

    from ..boards.leaderboards import Leaderboard

FORMATS = ("parquet", "csv", "latex", "tables")


def export(directory: Path, format: str, out: Path) -> list[Path]:
    """Write every table and view of the results in `directory` into the folder `out`; returns the files.

    `parquet` and `csv` give one file per table or view, with its name; `latex` gives `leaderboard.tex`
    (a table per dataset, rate and metric), `bd_rates.tex` and the papers' tables `paper_*.tex`, for the
    packages booktabs and longtable.
    `tables` gives what a folder of results needs, as DIR/tables: the base tables with the latest plan's rows.
    Raises UsageError for another format or where there are no results.
    """
    if format not in FORMATS:
        raise UsageError(f"--format {format!r} is not one of {', '.join(FORMATS)}")
    with open_results(directory, out) as connection:
        out.mkdir(parents=True, exist_ok=True)
        # Written apart first, so that a full disk leaves no half of an export.
        with tempfile.TemporaryDirectory(dir=out, prefix=".export-") as name:
            paths = [path.replace(out / path.name) for path in _written(connection, format, Path(name))]
    return paths


def _written(connection: duckdb.DuckDBPyConnection, format: str, folder: Path) -> list[Path]:
    if format == "latex":
        return _latex(connection, folder)
    if format == "tables":
        return write(connection, folder)
    return [_copy(connection, name, format, folder) for name in _relations(connection)]


def _relations(connection: duckdb.DuckDBPyConnection) -> list[str]:
    rows = connection.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'main' ORDER BY table_name"
    ).fetchall()
    return [name for (name,) in rows]


def _copy(connection: duckdb.DuckDBPyConnection, name: str, format: str, out: Path) -> Path:
    path = out / f"{name}.{format}"
    options = "FORMAT parquet, COMPRESSION zstd" if format == "parquet" else "FORMAT csv, HEADER"
    quoted = str(path).replace("'", "''")
    connection.execute(f"""COPY (SELECT * FROM "{name}") TO '{quoted}' ({options})""")
    return path


def _latex(connection: duckdb.DuckDBPyConnection, out: Path) -> list[Path]:
    # The same rows as the page's, made here from the scores: a stored table may be older than they are.
    source = Source(connection)
    boards = source.boards
    rows = [row.bd for board in boards for row in board.rows if row.bd is not None]
    boards_path, bd_path = out / "leaderboard.tex", out / "bd_rates.tex"
    tables = [latex_table(leaderboard_table(board), _caption(board)) for board in boards]
    boards_path.write_text("\n".join(tables) or "% no system has a scored point\n", encoding="utf-8")
    caption = "BD-rates: PCHIP over log rate, curves of clip means; 95 % bootstrap intervals over clips."
    bd_path.write_text(latex_table(bd_table(rows), caption), encoding="utf-8")
    return [boards_path, bd_path, *_paper_tables(source, out)]


def _paper_tables(source: Source, out: Path) -> list[Path]:
    """The tables of the papers' page as it shows them first; ours only, no printed number."""
    paths = []
    for name, found in PaperSet.of(source).all().items():
        path = out / f"{name}.tex"
        tables = [latex_table(table.texts(), table.caption_text) for table in found]
        path.write_text("\n".join(tables) or "% no system has a scored point\n", encoding="utf-8")
        paths.append(path)
    return paths


def _caption(board: Leaderboard) -> str:
    direction = "higher is better" if board.higher_is_better else "lower is better"
    return (
        f"{board.metric} ({direction}) on {board.dataset}: BD-rate over the {board.rate} rate against "
        f"{board.anchor}, with 95 % bootstrap intervals over clips. Equal ranks (=) are ties."
    )


def latex_table(table: Table, caption: str) -> str:
    """A longtable with escaped cells; the first two columns are text, the others flush right.

    The last cell of a row that is shorter than the heads spans what is left.
    """
    heads, rows = table
    lines = [
        r"\begin{longtable}{ll" + "r" * (len(heads) - 2) + "}",
        rf"\caption{{{words.latex(caption)}}}\\",
        r"\toprule",
        " & ".join(map(words.latex, heads)) + r" \\",
        r"\midrule",
        r"\endhead",
        *(_latex_row(row, len(heads)) for row in rows),
        r"\bottomrule",
        r"\end{longtable}",
    ]
    return "\n".join(lines) + "\n"


def _latex_row(row: list[str], width: int) -> str:
    cells = list(map(words.latex, row))
    if len(cells) < width:
        cells[-1] = rf"\multicolumn{{{width - len(cells) + 1}}}{{l}}{{{cells[-1]}}}"
    return " & ".join(cells) + r" \\"

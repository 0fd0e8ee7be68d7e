"""What a recogniser heard, word by word against what was said."""

from __future__ import annotations

from typing import Any

from ..queries.facts import Row

Piece = tuple[str, str, str]
"""equal, substitute, delete or insert; words of the reference; words that were heard."""


def heard(row: Row) -> dict[str, Any] | None:
    """A score's words side by side, where it is a word error rate that kept them: reference and hypothesis.

    metric, fingerprint, value; words of the reference; pieces.
    """
    detail = row["detail"] if isinstance(row["detail"], dict) else {}
    said, found = detail.get("reference"), detail.get("hypothesis")
    if not isinstance(said, str) or not isinstance(found, str):
        return None
    return {
        "metric": row["metric"],
        "fingerprint": row["fingerprint"],
        "value": row["value"],
        "words": len(said.split()),
        "pieces": pieces(said, found),
    }


def pieces(said: str, found: str) -> list[Piece]:
    """The alignment that the word error rate counts by; its errors are the words of each piece."""
    import jiwer

    reference, hypothesis = said.split(), found.split()
    if not reference or not hypothesis:  # nothing to align
        return [
            (kind, " ".join(words) if kind == "delete" else "", " ".join(words) if kind == "insert" else "")
            for kind, words in (("delete", reference), ("insert", hypothesis))
            if words
        ]
    aligned = jiwer.process_words(" ".join(reference), " ".join(hypothesis)).alignments[0]
    return [
        (
            chunk.type,
            " ".join(reference[chunk.ref_start_idx : chunk.ref_end_idx]),
            " ".join(hypothesis[chunk.hyp_start_idx : chunk.hyp_end_idx]),
        )
        for chunk in aligned
    ]

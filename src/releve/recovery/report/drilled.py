"""What a drill has shown, and how an image was proven: read from the outputs of their steps."""

from collections.abc import Mapping

from releve.recovery.report.reading import (
    MAX_CHARACTERS,
    Fields,
    as_fields,
    read_number,
    read_seconds,
    read_text,
)
from releve.recovery.report.types import DrillFacts, ImageProof, ScanLine

_SPOKEN_BY = ("conclude", "undo_conclude")
_SCANS = ("scan_base", "scan_twin", "scan_second", "scan_aged", "scan_replayed")
_MOST_TEXTS = 50


def read_drill(outputs: Mapping[str, Fields]) -> DrillFacts | None:
    """None where no drill has spoken its verdict."""
    spoken = next((outputs[step] for step in _SPOKEN_BY if step in outputs), None)
    if spoken is None:
        return None
    readiness = read_text(spoken, "readiness")
    return DrillFacts(
        readiness=readiness if readiness in {"ready", "not ready"} else "unknown",
        reasons=read_texts(spoken, "reasons"),
        notes=read_texts(spoken, "notes"),
        image=read_text(spoken, "image"),
        scans=tuple(
            ScanLine(step, int(read_number(outputs[step], "facts")), read_seconds(outputs[step]))
            for step in _SCANS
            if read_text(outputs.get(step, {}), "scan_id")
        ),
    )


def read_proof(outputs: Mapping[str, Fields]) -> ImageProof | None:
    """None where the recovery started from no image."""
    image = as_fields(outputs.get("preconditions", {}).get("start_image"))
    if not image:
        return None
    proof = outputs.get("prove_image", {})
    return ImageProof(
        image=read_text(image, "name"),
        drill=read_text(image, "run_id"),
        proven=proof.get("proven") is True if proof else None,
        why=read_text(proof, "why") or read_text(proof, "left_out"),
        differences=read_texts(proof, "differences"),
    )


def read_texts(fields: Fields, key: str) -> tuple[str, ...]:
    found = fields.get(key)
    texts = found if isinstance(found, list) else []
    return tuple(str(text)[:MAX_CHARACTERS] for text in texts[:_MOST_TEXTS])

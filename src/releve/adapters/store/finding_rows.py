"""Findings, decisions and noise from and to bytes; the store seals what comes out here."""

import json
from dataclasses import asdict
from typing import Any

from releve.model.finding import Decision, Deviation, DeviationStatus, Finding, FindingState, Tier
from releve.model.noise import NoiseMark
from releve.model.observed import Fact, FactKind


def finding_to_bytes(finding: Finding) -> bytes:
    return _to_bytes(asdict(finding))


def finding_from_bytes(content: bytes) -> Finding:
    fields = _from_bytes(content)
    deviations = tuple(_deviation_from(deviation) for deviation in fields.pop("deviations"))
    return Finding(
        **{
            **fields,
            "cause": FactKind(fields["cause"]),
            "status": DeviationStatus(fields["status"]),
            "tier": Tier(fields["tier"]),
            "deviations": deviations,
        }
    )


def decision_to_bytes(decision: Decision) -> bytes:
    return _to_bytes({**asdict(decision), "evidence": dict(decision.evidence)})


def decision_from_bytes(content: bytes) -> Decision:
    fields = _from_bytes(content)
    return Decision(**{**fields, "state": FindingState(fields["state"])})


def mark_to_bytes(mark: NoiseMark) -> bytes:
    return _to_bytes(asdict(mark))


def mark_from_bytes(content: bytes) -> NoiseMark:
    fields = _from_bytes(content)
    values = tuple(fields.pop("values"))
    return NoiseMark(**{**fields, "kind": FactKind(fields["kind"]), "values": values})


def mark_name(mark: NoiseMark) -> bytes:
    """The same for a mark that was learned again, from whatever."""
    return _to_bytes([mark.kind.value, mark.key, mark.attribute, mark.general, mark.values])


def _deviation_from(fields: dict[str, Any]) -> Deviation:
    return Deviation(
        kind=FactKind(fields["kind"]),
        key=fields["key"],
        status=DeviationStatus(fields["status"]),
        ours=_fact_from(fields["ours"]),
        theirs=_fact_from(fields["theirs"]),
        attributes=tuple(fields["attributes"]),
    )


def _fact_from(fields: dict[str, Any] | None) -> Fact | None:
    if fields is None:
        return None
    return Fact(FactKind(fields["kind"]), fields["key"], fields["attributes"], fields["evidence"])


def _to_bytes(value: Any) -> bytes:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass")


def _from_bytes(content: bytes) -> Any:
    return json.loads(content.decode("utf-8", "surrogatepass"))

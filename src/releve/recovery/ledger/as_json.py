"""The ledger for other programs: every count, and the findings without their differences."""

from typing import Any, Final

from releve.model.finding import Deviation, Ledger, LedgerNode, TrackedFinding
from releve.recovery.ledger.summary import count_facts
from releve.recovery.ledger.walking import Place, findings_at

FORMAT: Final = 1


def ledger_to_json(ledger: Ledger, place: Place, *, with_masked: bool) -> dict[str, Any]:
    """The tree from the place down; the findings are those of the place."""
    told = {
        "format": FORMAT,
        "host": ledger.host,
        "scans": {"live": ledger.live, "twin": ledger.twin, "base": ledger.base},
        "live_at": ledger.live_at,
        "twin_at": ledger.twin_at,
        "commit": ledger.commit,
        "made_at": ledger.made_at,
        "at": place.path,
        "facts": sum(place.node.counts.values()),
        "tree": _node_to_json(place.node),
        "findings": [_finding_to_json(one) for one in findings_at(ledger, place)],
        "blind_spots": [
            {"kind": spot.kind.value, "key": spot.key, **spot.attributes}
            for spot in ledger.blind_spots
        ],
        "volumes": dict(ledger.volumes),
        "masked_count": len(ledger.masked),
    }
    if with_masked:
        told["masked"] = [_deviation_to_json(deviation) for deviation in ledger.masked]
    return told


def _node_to_json(node: LedgerNode) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": node.name,
        "counts": {explanation.value: count for explanation, count in node.counts.items()},
    }
    if node.because:
        told["because"] = dict(node.because)
    if node.children:
        told["children"] = [_node_to_json(child) for child in node.children]
    return told


def _finding_to_json(one: TrackedFinding) -> dict[str, Any]:
    finding = one.finding
    return {
        "fingerprint": finding.fingerprint,
        "tier": finding.tier.value,
        "title": finding.title,
        "state": one.state.value,
        "first_seen": one.first_seen,
        "facts": count_facts(one),
    }


def _deviation_to_json(deviation: Deviation) -> dict[str, Any]:
    return {
        "kind": deviation.kind.value,
        "key": deviation.key,
        "status": deviation.status.value,
        "attributes": list(deviation.attributes),
    }

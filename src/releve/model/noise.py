"""What differs by itself between machines that should be equal."""

from dataclasses import dataclass

from releve.model.observed import FactKind

EVERY_ATTRIBUTE = "*"  # its existence too: the fact comes and goes by itself


@dataclass(frozen=True, slots=True)
class NoiseMark:
    """One attribute of one fact, or of all facts that a generalised key names."""

    kind: FactKind
    key: str  # exact, or with {uuid}, {hex}, {rotation} where `general`
    attribute: str  # EVERY_ATTRIBUTE: the fact itself
    general: bool = False  # only ever below /var and /tmp
    learned_from: str = ""  # "two twins", "reboot", "ageing", "successive scans"
    values: tuple[str, ...] = ()  # only these are noise, sorted; none: any value is

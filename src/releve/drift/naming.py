"""The name of the machine: the provider's, unless somebody chose one.

An instance is called by its provider, so that two twins never have one name. That must not hide a
name that somebody gave the host by hand.
"""

from releve.model.finding import Deviation, DeviationStatus
from releve.model.identity import is_instance_name
from releve.model.observed import Fact, FactKind

NAME_FILES = frozenset({"/etc/hostname", "/etc/machine-info"})  # hostnamectl writes both
_SETTINGS = frozenset({"hostname", "hostname.running"})


def names_machine(deviation: Deviation) -> bool:
    return deviation.kind is FactKind.SETTING and deviation.key in _SETTINGS


def is_given(deviation: Deviation, *, host: str, names: frozenset[str]) -> bool:
    """Whether both sides have the name of their instance; `names`: what instances are called."""
    return all(
        fact is not None and _is_given(fact, host=host, names=names)
        for fact in (deviation.ours, deviation.theirs)
    )


def tells_of_name(deviation: Deviation) -> bool:
    """A file that says what the hostname says; of machine-info only that it came or went."""
    if deviation.kind is not FactKind.FILE or deviation.key not in NAME_FILES:
        return False
    return deviation.key == "/etc/hostname" or deviation.status is not DeviationStatus.MODIFIED


def _is_given(fact: Fact, *, host: str, names: frozenset[str]) -> bool:
    value = fact.attributes.get("value", "")
    return value in names or is_instance_name(value, host)

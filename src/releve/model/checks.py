"""What a check found."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CheckResult:
    name: str  # as in the plan, or derived: "http /posts/1"
    kind: str  # http, tcp, unit, command, file, pytest
    passed: bool
    reason: str  # one sentence; server text in it is data and bounded to 2,000 characters
    seconds: float
    vantage: str  # "instance", "public address"

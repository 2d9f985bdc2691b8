"""Whether the access rules that the guide gives out cover every request that was made."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tests.openstack.faults import Request

RULES: Final = Path(__file__).parents[2] / "docs" / "how-to" / "openstack-access-rules.json"
SERVICES: Final = {"volume": "block-storage"}  # the proxy's word: the catalogue's
_DISCOVERY: Final = re.compile(r"/|/v[0-9.]+/?")  # which versions there are; needs no right


def list_uncovered(requests: Iterable[Request]) -> list[str]:
    rules = json.loads(RULES.read_text())
    return sorted({str(request) for request in requests if not is_covered(request, rules)})


def is_covered(request: Request, rules: list[dict[str, str]]) -> bool:
    if request.service == "identity" or _DISCOVERY.fullmatch(request.path):
        return True
    service = SERVICES.get(request.service, request.service)
    return any(
        (rule["service"], rule["method"]) == (service, request.method)
        and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", rule["path"]), request.path)
        for rule in rules
    )

"""The tests that failed last, one node id a line, for pytest's @file; none is an error.

pytest's own --last-failed knows no test by the name that pytest-xdist gave it, its group behind @.
"""

import json
import re
import sys
from pathlib import Path

CACHE = Path(".pytest_cache/v/cache/lastfailed")


def main() -> None:
    failed = json.loads(CACHE.read_text()) if CACHE.exists() else {}
    if not failed:
        sys.exit("the tests ended without a list of those that failed")
    for test in failed:
        print(re.sub(r"@[\w-]+$", "", test))


if __name__ == "__main__":
    main()

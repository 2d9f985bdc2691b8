"""Prints, as Markdown, what each fault at the OpenStack control plane came to in the last tests."""

import csv
import sys
from pathlib import Path

TABLE = Path(".dev/openstack-faults.csv")


def main() -> None:
    if not TABLE.exists():
        sys.exit("no table yet: run ./dev test tests/openstack")
    with TABLE.open(newline="") as lines:
        rows = list(csv.reader(lines))
    header, *body = rows
    print("| " + " | ".join(header) + " |")
    print("|" + " --- |" * len(header))
    latest = {(row[0], row[1]): row for row in body}
    for row in sorted(latest.values(), key=lambda row: (row[0].split("-")[1], row[0])):
        print("| " + " | ".join(cell.replace("|", "/") for cell in row) + " |")


if __name__ == "__main__":
    main()

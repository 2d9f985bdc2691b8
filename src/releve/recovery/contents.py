"""Bodies of the files that codify may need, kept while the machine that has them still answers."""

from collections.abc import Callable, Mapping, Sequence

from releve.model.finding import Finding
from releve.ports.observed_store import MOST_CONTENT_BYTES, ObservedStore

MOST_FILES = 2000

Read = Callable[[Sequence[str]], Mapping[str, bytes]]


def keep_contents(
    missing: Mapping[str, str], *, host: str, store: ObservedStore, read: Read
) -> int:
    """How many of these are in the store now; a file that is no longer what was scanned is not."""
    if not missing:
        return 0
    from releve.codify.hand_over import is_content_of

    secret, kept = store.secret_for(host), 0
    for path, content in read(list(missing)).items():
        digest = missing.get(path, "")
        if len(content) <= MOST_CONTENT_BYTES and is_content_of(digest, content, secret=secret):
            store.save_content(host, digest, content)
            kept += 1
    return kept


def list_missing(findings: Sequence[Finding], *, host: str, store: ObservedStore) -> dict[str, str]:
    """Path to digest, of what the store does not have yet."""
    from releve.codify.plan import list_needed_contents

    needed = list_needed_contents(findings)
    missing = {
        path: digest
        for path, digest in needed.items()
        if digest.startswith(("sha256:", "hmac:")) and store.read_content(host, digest) is None
    }
    return dict(list(missing.items())[:MOST_FILES])

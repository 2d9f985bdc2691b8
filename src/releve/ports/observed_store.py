"""Observed states, kept off the host: the last one is there when the host is gone.

Facts and contents are encrypted at rest with a key that is not in the database, and stored once
however many scans hold them. Every write is durable when the call returns; one that fails raises
JournalError.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Final

from releve.model.observed import Fact, ScanRecord, ScanRole

MOST_CONTENT_BYTES: Final = 1024 * 1024


class ObservedStore(ABC):
    @abstractmethod
    def save(self, record: ScanRecord, facts: Iterable[Fact]) -> ScanRecord:
        """Take sorted facts as they come, in bounded memory; the record with its count.

        An error of the iterator leaves nothing behind and is raised as it is, ValueError too
        where facts are out of order. A scan_id that is taken raises JournalError.
        """

    @abstractmethod
    def read_record(self, scan_id: str) -> ScanRecord:
        """PlanError with near ids when there is none."""

    @abstractmethod
    def find_scans(
        self,
        host: str,
        *,
        role: ScanRole | None = None,
        run_id: str = "",
        fingerprint: str = "",
        limit: int = 50,
    ) -> tuple[ScanRecord, ...]:
        """Complete and incomplete ones that fit every criterion given; newest first."""

    @abstractmethod
    def read_facts(self, scan_id: str) -> Iterator[Fact]:
        """Sorted, in bounded memory; JournalError where a chunk was changed or the key is lost."""

    @abstractmethod
    def read_differing(self, ours: str, theirs: str) -> tuple[Iterator[Fact], Iterator[Fact]]:
        """As read_facts of two scans, but files that both have alike may be left out of both."""

    @abstractmethod
    def delete_scan(self, scan_id: str) -> None:
        """With every chunk that no other scan holds; PlanError with near ids when there is none."""

    @abstractmethod
    def save_content(self, host: str, digest: str, content: bytes) -> None:
        """`digest` as in the fact's content attribute; ValueError over MOST_CONTENT_BYTES."""

    @abstractmethod
    def read_content(self, host: str, digest: str) -> bytes | None: ...

    @abstractmethod
    def secret_for(self, host: str) -> bytes:
        """32 bytes, always the same for a host: the key of hmac: digests in its scans."""

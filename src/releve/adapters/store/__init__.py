"""The journal and the leases in SQL."""

from releve.adapters.store.opening import open_store

__all__ = ["open_store"]

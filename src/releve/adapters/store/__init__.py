"""The journal, the leases, observed states and findings in SQL."""

from releve.adapters.store.opening import open_observed_store, open_store

__all__ = ["open_observed_store", "open_store"]

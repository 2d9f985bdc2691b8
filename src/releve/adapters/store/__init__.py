"""The journal, the leases, observed states, findings and incidents in SQL."""

from releve.adapters.store.opening import open_incident_store, open_observed_store, open_store

__all__ = ["open_incident_store", "open_observed_store", "open_store"]

"""Relève brings a crashed server back from its owners' own playbooks."""

__version__ = "0.1.0"

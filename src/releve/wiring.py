"""The one place that picks providers and adapters for a plan."""

"""The small program kept running on every watched host: its text, and what it says."""

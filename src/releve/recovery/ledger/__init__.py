"""The account of every fact of a host: made from stored scans, decided on, and shown."""

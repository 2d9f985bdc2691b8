"""What the watch tells and takes over HTTP: metrics, whether it is alive, suspicions."""

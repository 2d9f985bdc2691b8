"""What became of an incident, as JSON, Markdown and one HTML page."""

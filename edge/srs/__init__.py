"""The media server: its API, its configuration, the files that it writes."""

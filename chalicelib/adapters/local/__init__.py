"""One machine behind the ports: SQLite, a folder, threads."""

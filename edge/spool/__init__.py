"""The agent's durable memory: one SQLite file with one writer thread."""

"""Keeps a target alive while its source is away: one unbroken stream, of the live picture or of a slate."""

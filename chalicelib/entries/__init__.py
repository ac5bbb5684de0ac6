"""Handlers of functions that must start fast, each with no more than it needs."""

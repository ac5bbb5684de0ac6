"""Destinations, and who holds the right to push to them."""

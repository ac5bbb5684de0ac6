"""Callbacks: made, signed, delivered, checked, sent again."""

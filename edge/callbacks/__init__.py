"""Callbacks that this node sends, for targets that only it reaches."""

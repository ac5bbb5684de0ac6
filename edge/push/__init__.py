"""Streams that leave this node for platforms, and what is played to them."""

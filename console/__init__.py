"""The console's sources, and what builds them."""

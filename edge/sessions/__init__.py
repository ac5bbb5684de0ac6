"""The sessions of this node and what becomes of them."""

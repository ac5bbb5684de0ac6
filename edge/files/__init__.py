"""What this node can play: files that were brought in, and what a probe finds in them and in URLs."""

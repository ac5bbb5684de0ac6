"""What is there, and what only a node can answer or do."""

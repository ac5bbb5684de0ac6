"""What nodes and cloud say to each other."""

"""The front: Caddy, which serves everything of an edge under one address. The agent gives it its configuration."""

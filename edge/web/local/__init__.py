"""The agent's local HTTP server: what the front hands to the agent, because it has to happen on this machine."""

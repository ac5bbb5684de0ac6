"""The control plane: what runs in the cloud, and `wire`, the messages it shares with the edge."""

"""Who may publish: the gate, rooms, limits, and why."""

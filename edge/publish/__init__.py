"""Who may publish here, who does, and who no longer does."""

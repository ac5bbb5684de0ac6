"""Use cases: one a module. They translate between wire and domain and know the world only through ports."""

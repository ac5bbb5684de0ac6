"""HTTP: one-line handlers into services. Event functions live in `app.py`, never here: Chalice would bypass it."""

"""Clients that others wrote, driven against a whole instance: what works is written into `docs/compatibility.md`."""

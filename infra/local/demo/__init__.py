"""`make demo`: proves the main job on real media, step by step, and says how long each step took."""

from __future__ import annotations

from infra.local.demo.run import main

__all__ = ["main"]

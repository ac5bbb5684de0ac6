"""What the tests of `/v1` send."""

from __future__ import annotations

KEYED = "rtmp://a.example.com/live2/stream-key-0123456789"
ID = "00000000-0000-4000-8000-000000000000"
ULID_ = "01JD0000000000000000000001"

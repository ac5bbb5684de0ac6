"""FFmpeg: what it can do, and the processes that run it."""

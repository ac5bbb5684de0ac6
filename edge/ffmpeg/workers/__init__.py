"""FFmpeg workers: each pushes one stream to one target, and is kept running for as long as it is wanted."""

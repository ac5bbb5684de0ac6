"""What is played: files, streams, cameras, transcodes; and who plays it."""

"""The way out for FFmpeg and yt-dlp, which read what users name: a proxy that looks at each address."""

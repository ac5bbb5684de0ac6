"""What is served on this machine: the front, HTTPS, WebRTC, pages, status."""

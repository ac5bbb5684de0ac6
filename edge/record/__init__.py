"""What the media server writes becomes recordings: linked, stored, proved."""

"""`/rtc/`: WebRTC's signalling on its way to the media server, with the candidate that this client can reach."""

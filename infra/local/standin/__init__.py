"""A stand-in for SRS on machines that have none: nginx with the RTMP module, and an adapter that speaks SRS's hooks and
the calls of SRS's API that the agent uses. RTMP in, RTMP and HLS out; no SRT, no WebRTC, no HTTP-FLV.

How any application name is served although nginx wants each one in its configuration: the configuration holds a number
of equal applications, the slots; when a client connects, nginx asks the adapter, whose answer redirects it to the slot
of its application. Slots of applications that nobody uses are given to others.

Where it differs from SRS, on purpose: names with `..` or control characters are never served, whatever the hooks
answer; one stream name under two spellings of the application (`rtmp://h/a/b` + `c/d`, `rtmp://h/a/b/c` + `d`) is
found busy as it should, but can be played only with the spelling of its publisher; the query of a stream is cut at
255 bytes (nginx's limit).
"""

"""The `/edge/v1` calls: JSON over HTTPS with `Authorization: Bearer <node token>`.

Times are RFC 3339 with a zone; durations carry their unit in the name. Answers to errors are problem details
(RFC 9457) and have no model here.
"""

"""Messages between edge and cloud. The only part of chalicelib that `edge/` may import; pydantic and the standard
library are all it needs. Within a version changes only add; unknown fields are ignored.
"""

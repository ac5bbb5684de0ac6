"""The edge agent: runs beside the media server; asks the cloud, obeys, reports."""

from typing import Final

AGENT_VERSION: Final = "0.1.0"

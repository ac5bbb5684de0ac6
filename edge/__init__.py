"""The edge agent: runs beside the media server; asks the cloud, obeys, reports."""

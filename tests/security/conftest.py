"""The packaged application on a made-up account, as the application's own tests have it."""

from tests.app.conftest import api, client, cloud, moto, node, recorded

__all__ = ["api", "client", "cloud", "moto", "node", "recorded"]

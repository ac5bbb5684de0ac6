"""Signed URLs with which nodes bring their objects into a bucket whose keys they don't have."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from chalicelib.domain.errors import ConflictError, ForbiddenError
from chalicelib.domain.model.stores import StoreSettings
from chalicelib.ports.clock import Clock
from chalicelib.ports.objects import PutLinks
from chalicelib.ports.store import Store
from chalicelib.services.recordings.stores import Stores
from chalicelib.wire.recording import node_of_key, recording_of_key
from chalicelib.wire.uploads import Upload, UploadLink, UploadsRequest, UploadsResponse

LIFE_S: Final = 900


class Uploads:
    """`links` None: nodes of this installation have keys of their own."""

    def __init__(self, store: Store, stores: Stores, links: PutLinks | None, clock: Clock) -> None:
        self._store = store
        self._stores = stores
        self._links = links
        self._clock = clock

    def links(self, node: str, request: UploadsRequest) -> UploadsResponse:
        """A link for each object; each is good for one object with one checksum, for a quarter of an hour.

        Raises:
            ForbiddenError: a key is not of a segment or manifest of this node.
            ConflictError: the store of the moment takes no such uploads; ask for new credentials.
        """
        if any(node_of_key(upload.key) != node for upload in request.objects):
            raise ForbiddenError("a node writes its own segments and manifests, nothing else")
        if self._links is None:
            raise ConflictError("nodes of this installation bring their objects by themselves")
        current = (self._store.get(StoreSettings) or StoreSettings()).current
        for recording in {recording_of_key(upload.key) for upload in request.objects}:
            self._stores.extend(recording, current, node)
        expires = self._clock() + timedelta(seconds=LIFE_S)
        return UploadsResponse(links=[self._link(self._links, u) for u in request.objects], expires_at=expires)

    @staticmethod
    def _link(links: PutLinks, upload: Upload) -> UploadLink:
        made = links.put_link(upload.key, upload.bytes, upload.sha256, upload.content_type, LIFE_S)
        return UploadLink(key=upload.key, url=made.url, headers=made.headers)

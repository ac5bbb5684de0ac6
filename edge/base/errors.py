"""What can go wrong in the agent, as one small tree.

EdgeError
├── ConfigError            the environment is wrong; the message lists what
├── SpoolError             the spool could not commit (disk full, I/O error)
├── CloudError
│   ├── CloudUnreachableError   no answer, a timeout, 5xx or 429: try again later
│   ├── CloudRejectedError      a 4xx that the same request would meet again
│   └── NotEnrolledError        no node token, or the cloud does not know it (401)
├── StoreError             the object store said no; `retryable` tells whether to try again
│   └── StoreExpiredError  the credentials are no longer good
├── MediaServerError       SRS's HTTP API did not answer, or not as expected
├── FrontError             the front does not answer, or refused its configuration
├── RefusedInputError      what somebody sent cannot be used; names the field and says why
├── HostNotFoundError      a host that a user named has no address
├── AddressRefusedError    it has none that this node reaches for others
├── NotHereError           what somebody asked for is not on this node
└── RequestRefusedError    a request to the local server that cannot be served; `status` says how to answer
"""

from __future__ import annotations


class EdgeError(Exception):
    """Base of the agent's own errors. Messages never hold a secret."""


class ConfigError(EdgeError):
    """The settings cannot be used."""


class SpoolError(EdgeError):
    """What was to be durable is not."""


class CloudError(EdgeError):
    """A call to the cloud failed."""


class CloudUnreachableError(CloudError):
    """The cloud gave no usable answer now; the same call may succeed later."""


class CloudRejectedError(CloudError):
    """The cloud refused the request itself, with `status`."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class NotEnrolledError(CloudError):
    """The node has no valid token."""


class StoreError(EdgeError):
    """An object could not be stored."""

    def __init__(self, message: str, *, retryable: bool = True) -> None:
        super().__init__(message)
        self.retryable = retryable


class StoreExpiredError(StoreError):
    """The store's credentials expired or were withdrawn; new ones are needed first."""


class MediaServerError(EdgeError):
    """The media server's HTTP API failed."""


class FrontError(EdgeError):
    """The front does not run what it should."""


class RefusedInputError(EdgeError):
    """What was sent cannot be used. `field` names the place, `reason` what is wrong and what to do; `code` says the
    same to programs, where it has one of its own.
    """

    def __init__(self, field: str, reason: str, *, code: str = "") -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason
        self.code = code


class HostNotFoundError(EdgeError):
    """A host that a user named has no address."""


class AddressRefusedError(EdgeError):
    """A host that a user named has no address that this node reaches for others."""


class NotHereError(EdgeError):
    """What was asked for is not on this node."""


class RequestRefusedError(EdgeError):
    """A request to the local server is refused with `status`; the message is the answer's text."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status

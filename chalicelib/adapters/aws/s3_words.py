"""What the errors of an S3-compatible store mean, and what to do about them."""

from __future__ import annotations

from typing import Final

from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ProxyConnectionError,
    ReadTimeoutError,
    SSLError,
)

_NO_NAME: Final = ("Name or service not known", "nodename nor", "Temporary failure in name", "NameResolutionError")
_CODES: Final = {
    "InvalidAccessKeyId": "the store does not know this access key; look at the key, and whether it was deleted",
    "SignatureDoesNotMatch": "the secret key is wrong (or a proxy in between changes requests)",
    "InvalidToken": "the keys are not valid any more",
    "ExpiredToken": "the keys have expired",
    "AccessDenied": "the key may not do this in the bucket; it needs to put, get, list and delete objects",
    "AllAccessDisabled": "the account or the bucket is switched off",
    "NoSuchBucket": "there is no such bucket; make it first, or look at its name and the endpoint",
    "InvalidBucketName": "the bucket's name is not one that the store takes",
    "PermanentRedirect": "the bucket is in another region, or has another endpoint",
    "TemporaryRedirect": "the bucket is not ready in this region yet",
    "301": "the bucket is in another region, or has another endpoint",
    "AuthorizationHeaderMalformed": "the region is wrong: the signature names another one than the bucket's",
    "IllegalLocationConstraintException": "the region is wrong",
    "InvalidRegionName": "the region is wrong",
    "RequestTimeTooSkewed": "the clock of this machine is wrong; set it (`timedatectl set-ntp true`)",
    "RequestExpired": "the clock of this machine is wrong; set it (`timedatectl set-ntp true`)",
    "XAmzContentSHA256Mismatch": "what arrived is not what was sent; does a proxy change it?",
    "BadDigest": "what arrived is not what was sent; does a proxy change it?",
    "NotImplemented": "the store does not know this request; it is not compatible enough",
    "InvalidArgument": "the store does not take this request; try the other path style",
    "MethodNotAllowed": "the address is not the endpoint of an S3-compatible store",
    "SlowDown": "the store has too much to do; try again",
    "ServiceUnavailable": "the store is not available at the moment",
    "InternalError": "the store failed; try again",
    "EntityTooLarge": "the object is too large for the store",
    "QuotaExceeded": "the store is full",
    "StorageFull": "the store is full",
    "XMinioStorageFull": "the store is full",
    "InvalidObjectState": "the object was moved to an archive class, from which it can't be read at once",
    "NoSuchKey": "the object is not there",
    "404": "there is no such object or bucket",
    "403": "the key may not do this in the bucket",
}


def code_of(error: BaseException) -> str:
    """The code of the store's answer; '' when there was none."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def words_of(error: BaseException) -> str:
    """What went wrong, with the store's code; holds no key and no URL."""
    if isinstance(error, ClientError):
        code = code_of(error)
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", "")
        known = _CODES.get(code, "the store refused")
        return f"{known} ({code or status})"
    return _without_answer(error)


def _without_answer(error: BaseException) -> str:
    # botocore keeps what the connection said apart from its own words.
    text = f"{error} {getattr(error, 'kwargs', {}).get('error', '')}"
    causes = (
        (isinstance(error, SSLError), "TLS failed: the certificate was not accepted, or there is no TLS there (TLS)"),
        (any(sign in text for sign in _NO_NAME), "the endpoint's host name cannot be resolved (DNS)"),
        (isinstance(error, ConnectTimeoutError | ReadTimeoutError), "no answer in time (time-out)"),
        (
            isinstance(error, EndpointConnectionError | ProxyConnectionError),
            "no connection: is the endpoint's address right, and does the store run? (connection)",
        ),
        ("Unable to parse response" in text, "the answer is not that of an S3-compatible store (answer)"),
    )
    return next((words for holds, words in causes if holds), f"the request failed ({type(error).__name__})")

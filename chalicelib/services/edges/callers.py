"""Answers nodes that ask whether a caller of their own may use the management API."""

from __future__ import annotations

from chalicelib.domain.errors import UnauthenticatedError
from chalicelib.services.account.auth import Auth
from chalicelib.services.account.login import Login
from chalicelib.wire.questions import AuthorizeRequest, AuthorizeResponse

PART = "the token is for parts of the API only, and this is none of them"


class Callers:
    """Knows the same credentials as the API does: bearers, and the tokens of a login."""

    def __init__(self, auth: Auth, login: Login) -> None:
        self._auth = auth
        self._login = login

    def decide(self, request: AuthorizeRequest) -> AuthorizeResponse:
        """Who the caller is. A header, when there is one, decides alone."""
        try:
            if request.header is not None:
                caller = self._auth.caller(request.header)
                if caller.level is None:
                    return AuthorizeResponse(allowed=False, who=caller.name, reason=PART)
                return AuthorizeResponse(allowed=True, who=caller.name, scope=caller.level)
            if not request.token:
                return AuthorizeResponse(allowed=False, reason="a bearer or a token is needed")
            self._login.check_token(request.token)
        except UnauthenticatedError as error:
            return AuthorizeResponse(allowed=False, reason=str(error))
        return AuthorizeResponse(allowed=True, who="admin", scope="admin")

"""Who sent a request: an AWS signature, or the browser's cookie under Host and Origin checks."""

from collections.abc import Collection
from http.cookies import CookieError, SimpleCookie

from msgspec import Struct

from grange.kernel.clock import Clock
from grange.kernel.errors import AccessDeniedError, AuthenticationError
from grange.server.http import Request
from grange.services.identity import COOKIE_MS, Identity
from grange.services.permissions import Principal
from grange.wire.signature import VerifiedSignature, verify

COOKIE = "grange_session"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Authenticated(Struct, frozen=True, kw_only=True):
    """A request's caller and how that was proved."""

    caller: Principal
    service: str
    """The service of the credential scope; `grange` with a cookie."""
    access_key_id: str = ""


class Authenticator:
    """Proves who sent a request."""

    def __init__(self, *, identity: Identity, clock: Clock, hosts: Collection[str]) -> None:
        """Prepare to check.

        Args:
            identity: users and keys.
            clock: the server's clock.
            hosts: every `name:port` a browser may reach the server by, in lower case.
        """
        self._identity = identity
        self._clock = clock
        self._hosts = frozenset(hosts)

    def signed(self, request: Request, body: bytes) -> Authenticated:
        """Return who signed a request.

        Raises:
            AuthenticationError: the signature, the key or the clock is wrong.
        """
        now = self._clock.now()

        def secret_of(key_id: str, token: str | None) -> str | None:
            return self._identity.secret_of(key_id, token, now)

        verified: VerifiedSignature = verify(
            method=request.method,
            raw_path=request.raw_path,
            raw_query=request.raw_query,
            headers=request.headers,
            now=now,
            secret_of=secret_of,
            body=body,
        )
        caller = self._identity.principal_of(verified.access_key_id, verified.session_token, now)
        return Authenticated(
            caller=caller, service=verified.service, access_key_id=verified.access_key_id
        )

    def browser(self, request: Request) -> Authenticated:
        """Return whose cookie a request carries.

        Raises:
            AuthenticationError: there is no valid cookie.
            AccessDeniedError: the request comes from another site.
        """
        self.check_host(request)
        self.check_site(request)
        cookie = cookie_of(request)
        if cookie is None:
            raise AuthenticationError(
                "Sign the request with AWS Signature Version 4, or sign this browser in, at /login"
                " or with `grange open`.",
                code="MissingAuthenticationTokenException",
            )
        return Authenticated(
            caller=self._identity.principal_of_cookie(cookie, self._clock.now()), service="grange"
        )

    def check_host(self, request: Request) -> None:
        """Refuse a browser that was led here under a foreign name (DNS rebinding)."""
        host = request.headers.get("host", "").lower()
        if host not in self._hosts:
            raise AccessDeniedError(
                f"This server is not {host[:100]!r}. Add the name to the setting 'allowed_hosts'"
                " if it should be."
            )

    def check_site(self, request: Request) -> None:
        """Refuse what another site's page made the browser send.

        Browsers say where a request comes from in Sec-Fetch-Site; older ones, and those on plain
        HTTP to another machine, in Origin alone.

        Raises:
            AccessDeniedError: it comes from another site, or does not say from where.
        """
        site = request.headers.get("sec-fetch-site")
        if site is not None and site not in {"same-origin", "none"}:
            raise AccessDeniedError("This request comes from another site.")
        origin = request.headers.get("origin", "").lower()
        if site is not None and origin in {"", "null"}:
            return
        if request.method in _SAFE_METHODS and not origin:
            return
        if origin.partition("://")[2] != request.headers.get("host", "").lower():
            raise AccessDeniedError("This request comes from another site.")


def cookie_header(value: str, *, secure: bool) -> str:
    """Return the Set-Cookie header that signs a browser in, or out with an empty value."""
    tail = "; Secure" if secure else ""
    seconds = COOKIE_MS // 1000 if value else 0
    return f"{COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{tail}"


def cookie_of(request: Request) -> str | None:
    """Return the value of the cookie a request carries, or None."""
    try:
        found = SimpleCookie(request.headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return found.value if found else None

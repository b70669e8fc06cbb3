"""Signing in and out in a browser: /login with a form or JSON, one-time links, /logout."""

from html import escape
from urllib.parse import parse_qs, quote

import msgspec

from grange.kernel.errors import (
    AuthenticationError,
    GrangeError,
    InvalidRequestError,
    ThrottledError,
)
from grange.server.asgi import Receive
from grange.server.authentication import Authenticator, cookie_header, cookie_of
from grange.server.context import Context
from grange.server.http import Request, read_body, text_reply
from grange.server.plain import HEADERS, page, see_other
from grange.server.rest.faults import rest_fault
from grange.wire.encode import Reply

PATHS = frozenset({"/login", "/logout"})
_BODY_BYTES = 16 * 1024
_JSON = "application/json"


class _Given(msgspec.Struct, frozen=True, kw_only=True):
    name: str = ""
    password: str = ""
    next: str = "/"


class Doorway:
    """Answers /login, /login/TOKEN and /logout."""

    def __init__(self, context: Context, authenticator: Authenticator, *, secure: bool) -> None:
        """Answer for a server.

        Args:
            context: the services.
            authenticator: knows which sites may send a form.
            secure: True if connections are encrypted: the cookie is then sent over such alone.
        """
        self._context = context
        self._authenticator = authenticator
        self._secure = secure

    async def reply(self, request: Request, receive: Receive) -> Reply:
        """Answer one request; the Host was checked."""
        if request.raw_path.startswith("/login/"):
            return await self._link(request)
        if request.method not in {"GET", "HEAD", "POST"}:
            return text_reply(405, "GET or POST.\n", ("allow", "GET, HEAD, POST"), *HEADERS)
        if request.raw_path == "/logout":
            return await self._logout(request)
        if request.method == "POST":
            return await self._login(request, receive)
        asked = parse_qs(request.raw_query).get("next", ["/"])[-1]
        return _form(own_path(asked))

    async def _link(self, request: Request) -> Reply:
        if request.method != "GET":
            return text_reply(405, "Only GET is served here.\n", ("allow", "GET"), *HEADERS)
        try:
            cookie = await self._context.signing.with_link(
                request.raw_path.removeprefix("/login/"),
                old_cookie=cookie_of(request),
                address=request.address,
                browser=request.headers.get("user-agent", ""),
            )
        except AuthenticationError as error:
            return _form("/", error=str(error), status=403)
        return see_other("/", ("set-cookie", cookie_header(cookie, secure=self._secure)))

    async def _login(self, request: Request, receive: Receive) -> Reply:
        wants_json = request.headers.get("content-type", "").startswith(_JSON)
        given = _Given()
        try:
            self._authenticator.check_site(request)
            given = _given(await read_body(receive, request.headers, _BODY_BYTES), wants_json)
            cookie = await self._context.signing.with_password(
                given.name,
                given.password,
                old_cookie=cookie_of(request),
                address=request.address,
                browser=request.headers.get("user-agent", ""),
            )
        except GrangeError as error:
            if wants_json:
                return _with_headers(rest_fault(error))
            return _refused(given, error)
        header = ("set-cookie", cookie_header(cookie, secure=self._secure))
        if wants_json:
            return Reply(
                status=200,
                headers=(("content-type", _JSON), ("cache-control", "no-store"), header, *HEADERS),
                body=b'{"ok":true}',
            )
        return see_other(own_path(given.next), header)

    async def _logout(self, request: Request) -> Reply:
        if request.method != "POST":
            return page("Sign out", _SIGN_OUT, narrow=True)
        try:
            self._authenticator.check_site(request)
        except GrangeError as error:
            return text_reply(403, f"{error}\n", *HEADERS)
        await self._context.signing.sign_out(cookie_of(request))
        return see_other("/login", ("set-cookie", cookie_header("", secure=self._secure)))


def own_path(place: str) -> str:
    """Return a path of this server; `/` if the text would lead elsewhere."""
    fine = place.startswith("/") and not place.startswith(("//", "/\\", "/login", "/logout"))
    return quote(place, safe="/?&=:%+,~.-_") if fine and place.isprintable() else "/"


def _given(body: bytes, wants_json: bool) -> _Given:
    try:
        if wants_json:
            return msgspec.json.decode(body, type=_Given)
        found = parse_qs(body.decode("utf-8"), keep_blank_values=True, max_num_fields=10)
    except (msgspec.DecodeError, ValueError) as error:
        raise InvalidRequestError("This is no name and password.") from error
    return _Given(
        name=found.get("name", [""])[-1],
        password=found.get("password", [""])[-1],
        next=found.get("next", ["/"])[-1],
    )


def _refused(given: _Given, error: GrangeError) -> Reply:
    again: tuple[tuple[str, str], ...] = ()
    status = 403
    if isinstance(error, ThrottledError):
        status, again = 429, (("retry-after", str(error.retry_after_seconds)),)
    elif isinstance(error, AuthenticationError):
        status = 401
    return _form(own_path(given.next), name=given.name, error=str(error), status=status, more=again)


def _form(
    target: str,
    *,
    name: str = "",
    error: str = "",
    status: int = 200,
    more: tuple[tuple[str, str], ...] = (),
) -> Reply:
    told = f'<p class="error" role="alert">{escape(error)}</p>' if error else ""
    focus = ("", " autofocus") if name else (" autofocus", "")
    body = (
        '<h1>Grange</h1><p class="quiet">Sign in to the farm.</p>'
        f'<form class="box" method="post" action="/login">{told}'
        f'<input type="hidden" name="next" value="{escape(target)}">'
        '<label for="name">Name</label><input id="name" name="name" required maxlength="64"'
        f' autocomplete="username" autocapitalize="none" value="{escape(name[:64])}"{focus[0]}>'
        '<label for="password">Password</label><input id="password" name="password"'
        f' type="password" required maxlength="1024" autocomplete="current-password"{focus[1]}>'
        "<button>Sign in</button></form>"
        '<p class="quiet">No password? Run <code>grange open</code> in a terminal: it opens this'
        " farm with a link that works once. Whoever runs the farm sets a password with"
        " <code>grange user password NAME</code>.</p>"
    )
    return page("Sign in · Grange", body, status=status, narrow=True, more=more)


_SIGN_OUT = (
    "<h1>Sign out?</h1>"
    '<form class="box" method="post" action="/logout"><p>This browser will have to sign in'
    " again.</p><button>Sign out</button></form>"
)


def _with_headers(reply: Reply) -> Reply:
    return Reply(status=reply.status, headers=(*reply.headers, *HEADERS), body=reply.body)

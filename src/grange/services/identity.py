"""Who somebody is: users, keys, temporary credentials, and the browser's cookie.

Nothing secret is stored. The secret of a key is an HMAC of its id and generation under the master
key; temporary credentials are signed tokens that carry whom they stand for and until when, so they
survive a restart. Of a browser's cookie a hash is kept in the state store, so that it can be taken
back. Only one-time login links live in memory; they are gone after a minute anyway.
"""

import asyncio
import base64
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import msgspec

from grange.domain.farm import AccessKey, User
from grange.domain.people import Level, Membership, Place, SignIn
from grange.domain.statuses import Role
from grange.kernel.errors import AuthenticationError, InvalidRequestError
from grange.kernel.ids import FarmId, FleetId, QueueId, WorkerId
from grange.kernel.units import MILLIS_PER_HOUR, MILLIS_PER_SECOND, Instant
from grange.ports.state import StateStore
from grange.services.permissions import Principal

MASTER_KEY_BYTES = 32
WORKER_CREDENTIALS_MS = 4 * MILLIS_PER_HOUR
"""How long credentials of AssumeFleetRoleForWorker and its kin are valid."""
LOGIN_LINK_MS = 60 * MILLIS_PER_SECOND
COOKIE_MS = 14 * 24 * MILLIS_PER_HOUR
KEY_PREFIX = "AKIAGR"
TEMPORARY_PREFIX = "ASIAGR"
_SIGNED_PREFIX = "grange1."
_MAX_LOGIN_LINKS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class TemporaryCredentials:
    """What AssumeFleetRoleForWorker and its kin hand out."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expires_at: Instant


class _Claims(msgspec.Struct, frozen=True, array_like=True):
    """What a signed token says."""

    purpose: str
    name: str
    role: str
    expires_at: int
    farm_id: str | None = None
    fleet_id: str | None = None
    worker_id: str | None = None
    queue_id: str | None = None


@dataclass(frozen=True, slots=True)
class _LoginLink:
    name: str
    expires_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class _OpenedToken:
    """A genuine token and what follows from it; whether it still holds is asked each time."""

    claims: _Claims
    key_id: str
    secret: str = field(repr=False)


def cookie_hash(cookie: str) -> str:
    """Return what is kept of a cookie."""
    return sha256(cookie.encode("utf-8", "surrogatepass")).hexdigest()


MOST_OPENED = 16_384
"""Tokens remembered at once."""


class Identity:
    """Knows every user and key, makes secrets and tokens, and says who a request comes from."""

    def __init__(
        self, *, master_key: bytes, store: StateStore, randomness: Callable[[int], bytes]
    ) -> None:
        if len(master_key) != MASTER_KEY_BYTES:
            raise ValueError(f"A master key has {MASTER_KEY_BYTES} bytes.")
        self._master_key = master_key
        self._store = store
        self._randomness = randomness
        self._refreshing = asyncio.Lock()
        self._users: dict[str, User] = {}
        self._keys: dict[str, AccessKey] = {}
        self._held: dict[str, dict[tuple[Place, str], Level]] = {}
        self._farms: dict[str, frozenset[str]] = {}
        self._sign_ins: dict[str, SignIn] = {}
        """By the hash of the cookie."""
        self._links: dict[bytes, _LoginLink] = {}
        self._opened: dict[str, _OpenedToken] = {}
        """Genuine tokens seen lately: a worker sends the same one with every request."""
        self._stand_for: dict[str, Principal] = {}
        """Whom genuine tokens stand for, as of the latest `refresh`."""

    async def refresh(self) -> None:
        """Read what is committed; call it at start and after each change of it."""
        async with self._refreshing:  # the last to ask is the last to set
            users = {user.name: user for user in await self._store.find(User)}
            keys = {key.key_id: key for key in await self._store.find(AccessKey)}
            sign_ins = {one.token_hash: one for one in await self._store.find(SignIn)}
            held: dict[str, dict[tuple[Place, str], Level]] = {}
            farms: dict[str, frozenset[str]] = {}
            for row in await self._store.find(Membership):
                held.setdefault(row.user_name, {})[row.place, row.target_id] = row.level
                farms[row.user_name] = farms.get(row.user_name, frozenset()) | {row.farm_id}
            self._users, self._keys, self._sign_ins = users, keys, sign_ins
            self._held, self._farms = held, farms
            self._stand_for.clear()

    # Keys

    def new_key_id(self) -> str:
        """Return an access key id never used before."""
        return KEY_PREFIX + base64.b32encode(self._randomness(10)).decode()[:14]

    def secret_of_key(self, key_id: str, generation: int) -> str:
        """Return the secret of a key; the same for ever."""
        return self._secret("key", f"{key_id}/{generation}")

    def secret_of_hook(self, hook_id: str, generation: int) -> str:
        """Return the secret that signs what a web hook gets; the same for ever."""
        return self._secret("hook", f"{hook_id}/{generation}")

    def published_token(self, *asked: str) -> str:
        """Return the token of what is published by one request: the same for the same words."""
        payload = "\x00".join(asked).encode()
        return base64.urlsafe_b64encode(self._mac("published", payload)).decode().rstrip("=")

    def secret_of(self, key_id: str, session_token: str | None, now: Instant) -> str | None:
        """Return the secret that a request must be signed with, or None if the key is unknown.

        Raises:
            AuthenticationError: the session token is forged or expired, or the key was revoked.
        """
        if session_token is not None:
            self._claims(session_token, "credentials", now)
            opened = self._opened[session_token]
            return opened.secret if key_id == opened.key_id else None
        key = self._keys.get(key_id)
        if key is None or key.revoked:
            return None
        return self.secret_of_key(key.key_id, key.generation)

    def principal_of(self, key_id: str, session_token: str | None, now: Instant) -> Principal:
        """Return whom a verified signature stands for.

        Raises:
            AuthenticationError: the user is gone or disabled.
        """
        if session_token is not None:
            claims = self._claims(session_token, "credentials", now)
            found = self._stand_for.get(session_token)
            if found is None:
                found = self._stand_for[session_token] = self._principal(claims)
            return found
        user = self._user(self._keys[key_id].user_name)
        return self._person(user, credential=key_id)

    def may_sign_in(self, name: str) -> bool:
        """Return True while a user exists and is not disabled."""
        user = self._users.get(name)
        return user is not None and not user.disabled

    def may_go_on(self, caller: Principal) -> bool:
        """Return True while a caller is what they were; for streams that go on."""
        if not self.may_sign_in(caller.name):
            return False
        if caller.sign_in_id is not None and not any(
            one.sign_in_id == caller.sign_in_id for one in self._sign_ins.values()
        ):
            return False
        return caller.role is not Role.MEMBER or self._held.get(caller.name, {}) == caller.held

    def role_of(self, name: str) -> Role | None:
        """Return the role of a user; None: there is no such user."""
        user = self._users.get(name)
        return None if user is None else user.role

    def farms_of(self, name: str) -> frozenset[str]:
        """Return the farms that a user has memberships in."""
        return self._farms.get(name, frozenset())

    def hail_key(self, fleet_id: FleetId) -> bytes:
        """Return the key that workers of a fleet prove themselves with to their neighbours."""
        return self._mac("hail", fleet_id.encode())

    # Temporary credentials

    def worker_credentials(
        self,
        caller: Principal,
        *,
        farm_id: FarmId,
        fleet_id: FleetId,
        worker_id: WorkerId,
        queue_id: QueueId | None = None,
        now: Instant,
    ) -> TemporaryCredentials:
        """Return credentials that stand for one worker; for the role of a queue with `queue_id`."""
        claims = _Claims(
            purpose="credentials",
            name=caller.name,
            role=Role.WORKER.value,
            expires_at=now + WORKER_CREDENTIALS_MS,
            farm_id=farm_id,
            fleet_id=fleet_id,
            worker_id=worker_id,
            queue_id=queue_id,
        )
        return self._credentials(claims)

    def queue_credentials(
        self, caller: Principal, *, farm_id: FarmId, queue_id: QueueId, now: Instant
    ) -> TemporaryCredentials:
        """Return credentials of a queue's role for a person: for files alone."""
        claims = _Claims(
            purpose="credentials",
            name=caller.name,
            role=caller.role.value,
            expires_at=now + WORKER_CREDENTIALS_MS,
            farm_id=farm_id,
            queue_id=queue_id,
        )
        return self._credentials(claims)

    # The browser

    def login_token(self, name: str, now: Instant) -> str:
        """Return a token that can be exchanged once, within a minute, for a cookie."""
        self._user(name)
        self._links = {
            digest: link for digest, link in self._links.items() if link.expires_at > now
        }
        if len(self._links) >= _MAX_LOGIN_LINKS:
            raise InvalidRequestError(
                "Too many login links are open; wait a minute.", reason="OTHER"
            )
        token = base64.urlsafe_b64encode(self._randomness(32)).rstrip(b"=").decode()
        self._links[sha256(token.encode()).digest()] = _LoginLink(
            name, Instant(now + LOGIN_LINK_MS)
        )
        return token

    def redeem(self, login_token: str, now: Instant) -> str:
        """Return, once, whom a login token signs in.

        Raises:
            AuthenticationError: the token is unknown, used or expired.
        """
        link = self._links.pop(sha256(login_token.encode()).digest(), None)
        if link is None or link.expires_at <= now:
            raise AuthenticationError(
                "This login link was used or is older than a minute. Run `grange open` again."
            )
        return self._user(link.name).name

    def new_cookie(self) -> str:
        """Return a value for a browser's cookie that nobody can guess."""
        return base64.urlsafe_b64encode(self._randomness(32)).rstrip(b"=").decode()

    def sign_in_of(self, cookie: str) -> SignIn | None:
        """Return the sign-in a cookie belongs to, or None."""
        return self._sign_ins.get(cookie_hash(cookie))

    def principal_of_cookie(self, cookie: str, now: Instant) -> Principal:
        """Return who holds a cookie.

        Raises:
            AuthenticationError: the browser was signed out, or its user is gone or disabled.
        """
        found = self.sign_in_of(cookie)
        if found is None or found.expires_at <= now:
            raise AuthenticationError(
                "This browser is not signed in any more. Sign in again, at /login or with"
                " `grange open`.",
                code="ExpiredTokenException",
            )
        user = self._user(found.user_name)
        return self._person(user, credential="page", sign_in_id=found.sign_in_id)

    @property
    def page_token_key(self) -> bytes:
        """The key that page tokens are signed with."""
        return self._mac("page-key", b"")

    # Tokens

    def _credentials(self, claims: _Claims) -> TemporaryCredentials:
        token = self._token(claims)
        return TemporaryCredentials(
            access_key_id=self._temporary_key_id(token),
            secret_access_key=self._secret("token", token),
            session_token=token,
            expires_at=Instant(claims.expires_at),
        )

    def _token(self, claims: _Claims) -> str:
        payload = msgspec.msgpack.encode(claims)
        signed = base64.urlsafe_b64encode(self._mac("claims", payload) + payload)
        return _SIGNED_PREFIX + signed.rstrip(b"=").decode()

    def _claims(self, token: str, purpose: str, now: Instant) -> _Claims:
        opened = self._opened.get(token) or self._open_first(token)
        claims = opened.claims if opened is not None else None
        if claims is None or claims.purpose != purpose:
            raise AuthenticationError(
                "The security token included in the request is invalid.",
                code="UnrecognizedClientException",
            )
        if claims.expires_at <= now:
            raise AuthenticationError(
                "The security token included in the request is expired. Get new credentials.",
                code="ExpiredTokenException",
            )
        return claims

    def _open_first(self, token: str) -> "_OpenedToken | None":
        claims = self._open(token)
        if claims is None:
            return None
        if len(self._opened) >= MOST_OPENED:
            self._opened.clear()
            self._stand_for.clear()
        opened = _OpenedToken(
            claims=claims,
            key_id=self._temporary_key_id(token),
            secret=self._secret("token", token),
        )
        self._opened[token] = opened
        return opened

    def _open(self, token: str) -> _Claims | None:
        if not token.startswith(_SIGNED_PREFIX):
            return None
        body = token[len(_SIGNED_PREFIX) :]
        try:
            signed = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
        except ValueError:
            return None
        if base64.urlsafe_b64encode(signed).rstrip(b"=").decode() != body:
            return None  # one token has one spelling
        mac, payload = signed[:32], signed[32:]
        if not hmac.compare_digest(mac, self._mac("claims", payload)):
            return None
        return msgspec.msgpack.decode(payload, type=_Claims)

    def _principal(self, claims: _Claims) -> Principal:
        user = self._user(claims.name)
        optional: dict[str, Any] = {
            name: getattr(claims, name) for name in ("farm_id", "fleet_id", "worker_id", "queue_id")
        }
        role = Role(claims.role)
        if role is not Role.WORKER:
            role = user.role
        return Principal(
            name=claims.name,
            role=role,
            held=self._held.get(user.name, {}),
            farms=self._farms.get(user.name, frozenset()),
            **optional,
        )

    def _person(self, user: User, *, credential: str, sign_in_id: str | None = None) -> Principal:
        return Principal(
            name=user.name,
            role=user.role,
            held=self._held.get(user.name, {}),
            farms=self._farms.get(user.name, frozenset()),
            sign_in_id=sign_in_id,
            credential=credential,
        )

    def _user(self, name: str) -> User:
        user = self._users.get(name)
        if user is None or user.disabled:
            raise AuthenticationError(
                f"The user {name} does not exist or was disabled.",
                code="UnrecognizedClientException",
            )
        return user

    def _temporary_key_id(self, token: str) -> str:
        digest = self._mac("key-id", token.encode())
        return TEMPORARY_PREFIX + base64.b32encode(digest).decode()[:14]

    def _secret(self, purpose: str, text: str) -> str:
        return base64.b64encode(self._mac(purpose, text.encode())).decode()[:40]

    def _mac(self, purpose: str, payload: bytes) -> bytes:
        return hmac.digest(self._master_key, purpose.encode() + b"\x00" + payload, "sha256")

"""Signing browsers in and out: by password, by a one-time link; changing passwords."""

from collections.abc import Callable

from grange.domain.people import Outcome, Password, SignIn
from grange.domain.statuses import Role
from grange.kernel.clock import Clock
from grange.kernel.errors import AuthenticationError, FieldProblem, InvalidRequestError
from grange.kernel.units import Instant
from grange.ports.passwords import PasswordHasher
from grange.ports.state import StateStore
from grange.services.audit import ACTING, Act
from grange.services.commands.audit import NoteAct
from grange.services.commands.memberships import CloseSignIns, OpenSignIn, SetPassword
from grange.services.identity import COOKIE_MS, Identity, cookie_hash
from grange.services.login_limits import LoginLimits
from grange.services.owner import Owner

SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 1024
_LONGEST_NAME = 64
_LONGEST_BROWSER = 200


class SigningIn:
    """Opens and closes sign-ins."""

    def __init__(
        self,
        *,
        identity: Identity,
        owner: Owner,
        store: StateStore,
        hasher: PasswordHasher,
        clock: Clock,
        new_id: Callable[[str], str],
    ) -> None:
        self._identity = identity
        self._owner = owner
        self._store = store
        self._hasher = hasher
        self._clock = clock
        self._new_id = new_id
        self._limits = LoginLimits(clock)

    async def with_link(
        self, token: str, *, old_cookie: str | None, address: str, browser: str
    ) -> str:
        """Exchange a one-time link for the value of a new cookie.

        Raises:
            AuthenticationError: the link is unknown, used or expired.
        """
        name = self._identity.redeem(token, self._clock.now())
        return await self._open(
            name=name,
            how="link",
            old_cookie=old_cookie,
            address=address,
            browser=browser,
            renewed=None,
        )

    async def with_password(
        self, name: str, password: str, *, old_cookie: str | None, address: str, browser: str
    ) -> str:
        """Exchange a name and password for the value of a new cookie.

        Raises:
            AuthenticationError: they are wrong; it does not say which.
            ThrottledError: there were too many wrong ones.
        """
        name = name.strip()[:_LONGEST_NAME]
        self._limits.check(name, address)
        self._limits.failed(name, address)
        known = await self._store.get(Password, (name,))
        able = self._identity.may_sign_in(name) and self._identity.role_of(name) is not Role.WORKER
        phc = known.phc if known is not None and able else None
        if not await self._hasher.matches(phc, password[:LONGEST_PASSWORD]):
            act = Act(actor=name, operation="SignIn", kind="user", subject=name, address=address)
            reason = "wrong name or password"
            await self._owner.ask(NoteAct(act=act, outcome=Outcome.REFUSED, reason=reason))
            raise AuthenticationError("The name or the password is wrong.")
        self._limits.succeeded(name, address)
        again = phc is not None and self._hasher.outdated(phc)
        renewed = await self._hasher.hash(password) if again else None
        return await self._open(
            name=name,
            how="password",
            old_cookie=old_cookie,
            address=address,
            browser=browser,
            renewed=renewed,
        )

    async def sign_out(self, cookie: str | None) -> None:
        """Make a cookie worthless."""
        found = None if cookie is None else self._identity.sign_in_of(cookie)
        if found is None:
            return
        ACTING.set(Act(actor=found.user_name, operation="SignOut", credential="page"))
        await self._owner.ask(CloseSignIns(user_name=found.user_name, sign_in_id=found.sign_in_id))
        await self._identity.refresh()

    async def close(self, name: str, sign_in_id: str | None = None) -> None:
        """Sign one browser of a user out, or all of them."""
        await self._owner.ask(CloseSignIns(user_name=name, sign_in_id=sign_in_id))
        await self._identity.refresh()

    async def set_password(
        self, name: str, password: str | None, *, by: str, except_sign_in: str | None = None
    ) -> None:
        """Set a user's password (None: none any more); their other browsers are signed out.

        Raises:
            InvalidRequestError: it is too short or too long, or the name itself.
        """
        phc = None
        if password is not None:
            check_password(name, password)
            phc = await self._hasher.hash(password)
        await self._owner.ask(
            SetPassword(user_name=name, phc=phc, by=by, except_sign_in=except_sign_in)
        )
        await self._identity.refresh()

    async def check_own(self, name: str, password: str, address: str) -> None:
        """Return if this is the user's password, or they have none yet.

        Raises:
            AuthenticationError: it is not.
            ThrottledError: there were too many wrong ones.
        """
        known = await self._store.get(Password, (name,))
        if known is None:
            return
        self._limits.check(name, address)
        self._limits.failed(name, address)
        if not await self._hasher.matches(known.phc, password[:LONGEST_PASSWORD]):
            raise InvalidRequestError(
                "The present password is wrong.",
                fields=[FieldProblem("current", "is not your password")],
            )
        self._limits.succeeded(name, address)

    async def _open(
        self,
        *,
        name: str,
        how: str,
        old_cookie: str | None,
        address: str,
        browser: str,
        renewed: str | None,
    ) -> str:
        cookie = self._identity.new_cookie()
        now = self._clock.now()
        old = None if old_cookie is None else self._identity.sign_in_of(old_cookie)
        sign_in = SignIn(
            sign_in_id=self._new_id("signin"),
            token_hash=cookie_hash(cookie),
            user_name=name,
            how=how,
            address=address,
            browser=browser[:_LONGEST_BROWSER],
            created_at=now,
            expires_at=Instant(now + COOKIE_MS),
        )
        ACTING.set(Act(actor=name, operation="SignIn", credential="page", address=address))
        await self._owner.ask(
            OpenSignIn(
                sign_in=sign_in,
                user_name=name,
                how=how,
                instead_of=None if old is None else old.sign_in_id,
                phc=renewed,
            )
        )
        await self._identity.refresh()
        return cookie


def check_password(name: str, password: str) -> None:
    """Return if a password may be used.

    Raises:
        InvalidRequestError: it is too short or too long, or the name itself.
    """
    problem = ""
    if len(password) < SHORTEST_PASSWORD:
        problem = f"must have at least {SHORTEST_PASSWORD} characters"
    elif len(password) > LONGEST_PASSWORD:
        problem = f"must have at most {LONGEST_PASSWORD} characters"
    elif name.lower() in password.lower() and len(password) < len(name) + 6:
        problem = "must be more than the name"
    if problem:
        raise InvalidRequestError(
            f"The password {problem}.", fields=[FieldProblem("password", problem)]
        )

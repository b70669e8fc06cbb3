"""Memberships, passwords, sign-ins and preferences of users."""

from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from grange.domain.farm import Farm, Queue, User
from grange.domain.people import Home, Level, Membership, Password, Place, Preference, SignIn
from grange.domain.statuses import Role
from grange.domain.work import Job
from grange.kernel.errors import FieldProblem, InvalidRequestError, NotFoundError
from grange.kernel.ids import JobId
from grange.kernel.units import Instant
from grange.services.draft import Draft
from grange.services.owner import Needs

MOST_MEMBERSHIPS = 100_000
MOST_SIGN_INS = 100
"""Of one user; the oldest go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetMembership:
    """Give a user a level in a farm, queue or job, or take it (level None). Answers {}."""

    user_name: str
    farm_id: str
    place: Place
    target_id: str
    level: Level | None
    by: str

    def needs(self) -> Needs:
        """The job, also one that has ended."""
        return Needs(jobs=(JobId(self.target_id),) if self.place is Place.JOB else ())

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put or delete the row.

        Raises:
            InvalidRequestError: the user needs no membership, or there are too many.
            NotFoundError: there is no such user, farm, queue or job.
        """
        user = draft.get(User, self.user_name)
        old = draft.find(Membership, self.user_name, self.place.value, self.target_id)
        if self.level is None:
            if old is not None:
                draft.delete(Membership, self.user_name, self.place.value, self.target_id)
                self._event(draft, old, None)
            return {}
        self._check(draft, user)
        if old is None and sum(1 for _ in draft.all(Membership)) >= MOST_MEMBERSHIPS:
            raise InvalidRequestError("There are too many memberships.", reason="OTHER")
        if old is not None and old.level is self.level:
            return {}
        if old is not None:
            draft.put(replace(old, level=self.level, updated_at=draft.now, updated_by=self.by))
        else:
            draft.put(
                Membership(
                    user_name=self.user_name,
                    place=self.place,
                    target_id=self.target_id,
                    farm_id=self.farm_id,
                    level=self.level,
                    created_at=draft.now,
                    created_by=self.by,
                )
            )
        self._event(draft, old, self.level)
        return {}

    def _check(self, draft: Draft, user: User) -> None:
        farm = draft.get(Farm, self.farm_id)
        if user.role is Role.OWNER:
            raise _bad("name", f"{user.name} owns the server, and needs no membership")
        if user.role is Role.WORKER and self.place is not Place.FARM:
            raise _bad("place", f"{user.name} has role worker: it belongs to farms only")
        found = False
        match self.place:
            case Place.FARM:
                found = farm.farm_id == self.target_id
            case Place.QUEUE:
                queue = draft.find(Queue, self.target_id)
                found = queue is not None and queue.farm_id == self.farm_id
            case Place.JOB:
                job = draft.find(Job, self.target_id)
                found = job is not None and job.farm_id == self.farm_id
        if not found:
            raise NotFoundError(self.place.value, self.target_id)

    def _event(self, draft: Draft, old: Membership | None, level: Level | None) -> None:
        farm = draft.find(Farm, self.farm_id)
        if farm is None:
            return
        draft.event(
            "user",
            self.user_name,
            "membership_set",
            farm.farm_id,
            old=None if old is None else f"{old.level.value} {self.target_id}",
            new=None if level is None else f"{level.value} {self.target_id}",
            actor=self.by,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPassword:
    """Set a user's password (None: none any more) and sign out their browsers. Answers {}."""

    user_name: str
    phc: str | None = field(repr=False)
    by: str
    except_sign_in: str | None = field(default=None, repr=False)
    """The browser it was changed in stays signed in."""

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put the hash.

        Raises:
            InvalidRequestError: workers sign in with keys only.
        """
        user = draft.get(User, self.user_name)
        if user.role is Role.WORKER:
            raise _bad("name", f"{user.name} has role worker, and signs with a key")
        if self.phc is None:
            if draft.find(Password, user.name) is not None:
                draft.delete(Password, user.name)
        else:
            draft.put(Password(user_name=user.name, phc=self.phc, set_at=draft.now, set_by=self.by))
        _sign_out(draft, user.name, self.except_sign_in)
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSignIn:
    """Sign a browser in. Answers {}."""

    sign_in: SignIn = field(repr=False)
    user_name: str
    how: str
    instead_of: str | None = field(default=None, repr=False)
    """The sign-in the browser had before, which ends."""
    phc: str | None = field(default=None, repr=False)
    """A new hash of the same password, with today's parameters."""

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put the sign-in; those that are over, and the oldest of too many, go."""
        own = sorted(
            (one for one in draft.all(SignIn) if one.user_name == self.user_name),
            key=lambda one: one.created_at,
        )
        spare = len(own) - MOST_SIGN_INS + 1
        for number, one in enumerate(own):
            if one.expires_at <= draft.now or number < spare:
                draft.delete(SignIn, one.sign_in_id)
        if self.instead_of and draft.find(SignIn, self.instead_of) is not None:
            draft.delete(SignIn, self.instead_of)
        draft.put(self.sign_in)
        known = draft.find(Password, self.user_name)
        if self.phc is not None and known is not None:
            draft.put(replace(known, phc=self.phc))
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseSignIns:
    """Sign browsers of a user out: one, or all. Answers {}."""

    user_name: str
    sign_in_id: str | None = None
    """None: all."""

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Delete the rows."""
        if self.sign_in_id is None:
            draft.get(User, self.user_name)
            _sign_out(draft, self.user_name, None)
            return {}
        found = draft.find(SignIn, self.sign_in_id)
        if found is not None and found.user_name == self.user_name:
            draft.delete(SignIn, found.sign_in_id)
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetSignIns:
    """Delete sign-ins whose time is up. Answers {}."""

    before: Instant

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Delete the rows."""
        for one in draft.all(SignIn):
            if one.expires_at <= self.before:
                draft.delete(SignIn, one.sign_in_id)
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class SetHome:
    """Choose a user's home page. Answers {}."""

    user_name: str
    home: Home

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put the preference."""
        draft.put(Preference(user_name=self.user_name, home=self.home))
        return {}


def _sign_out(draft: Draft, user_name: str, spared: str | None) -> None:
    for one in draft.all(SignIn):
        if one.user_name == user_name and one.sign_in_id != spared:
            draft.delete(SignIn, one.sign_in_id)


def _bad(name: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(f"{message}.", fields=[FieldProblem(name, message)])

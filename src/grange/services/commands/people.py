"""Users and their keys. Every change leaves an audit event in the books of every farm served."""

from dataclasses import dataclass
from typing import Any, ClassVar

from msgspec.structs import replace

from grange.domain.farm import AccessKey, ClientToken, Farm, User
from grange.domain.people import Level, Membership, Place
from grange.domain.statuses import Role
from grange.kernel.errors import ConflictError, NotFoundError
from grange.kernel.units import Instant
from grange.services.draft import Draft
from grange.services.owner import Needs


@dataclass(frozen=True, slots=True, kw_only=True)
class AddUser:
    """Add a user. Answers {"name"}."""

    audited: ClassVar[str] = "user"
    name: str
    role: Role
    farms: tuple[str, ...] = ()
    """The farms a worker's key belongs to."""
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put the user."""
        if draft.find(User, self.name) is not None:
            raise ConflictError(
                f"There is a user {self.name} already.",
                reason="RESOURCE_ALREADY_EXISTS",
                resource_type="user",
                resource_id=self.name,
            )
        draft.put(User(name=self.name, role=self.role, created_at=draft.now, created_by=self.by))
        for farm_id in self.farms:
            draft.put(
                Membership(
                    user_name=self.name,
                    place=Place.FARM,
                    target_id=farm_id,
                    farm_id=farm_id,
                    level=Level.CONTRIBUTOR,
                    created_at=draft.now,
                    created_by=self.by,
                )
            )
        _audit(draft, self.name, "user_added", self.by, new=self.role.value)
        return {"name": self.name}


@dataclass(frozen=True, slots=True, kw_only=True)
class DisableUser:
    """Disable a user with all its keys, or enable it again. Answers {}."""

    audited: ClassVar[str] = "user"
    name: str
    disabled: bool
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Mark the user; its keys, cookies and temporary credentials count for nothing meanwhile.

        Raises:
            ConflictError: no owner would be left.
        """
        user = draft.get(User, self.name)
        if user.disabled == self.disabled:
            return {}
        if self.disabled and user.role is Role.OWNER:
            owners = [one for one in draft.all(User) if one.role is Role.OWNER and not one.disabled]
            if owners == [user]:
                raise ConflictError(
                    f"{self.name} is the only owner who may still sign in. Add another owner"
                    " first, and give them a key.",
                    reason="STATUS_CONFLICT",
                    resource_type="user",
                    resource_id=self.name,
                )
        draft.put(replace(user, disabled=self.disabled))
        old, new = str(user.disabled).lower(), str(self.disabled).lower()
        _audit(draft, self.name, "user_disabled", self.by, old=old, new=new)
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class AddKey:
    """Give a user a key. Answers {"key_id", "generation"}."""

    user_name: str
    key_id: str
    """Made by the caller (services.identity), since keys look unlike other ids."""
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put the key."""
        draft.get(User, self.user_name)
        key = AccessKey(
            key_id=self.key_id,
            user_name=self.user_name,
            created_at=draft.now,
            created_by=self.by,
        )
        draft.put(key)
        _audit(draft, self.user_name, "key_added", self.by, new=self.key_id)
        return {"key_id": key.key_id, "generation": key.generation}


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeKey:
    """Make a key worthless. Answers {}."""

    user_name: str
    key_id: str
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Mark the key revoked."""
        key = draft.get(AccessKey, self.key_id)
        if key.user_name != self.user_name:
            raise NotFoundError("key", self.key_id)
        if key.revoked:
            return {}
        draft.put(replace(key, revoked=True))
        _audit(draft, self.user_name, "key_revoked", self.by, old=self.key_id)
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetTokens:
    """Delete client tokens nobody can repeat any more. Answers {}."""

    keys: tuple[tuple[str, str, str], ...]
    before: Instant

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Delete the rows."""
        for key in self.keys:
            draft.delete(ClientToken, *key)
        return {}


def _audit(
    draft: Draft, user: str, name: str, by: str, *, old: str | None = None, new: str | None = None
) -> None:
    """Leave the same event in every farm: users belong to the server, books to a farm."""
    for farm in sorted(draft.all(Farm), key=lambda farm: farm.farm_id):
        draft.event("user", user, name, farm.farm_id, old=old, new=new, actor=by)

"""Users and their keys."""

from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from grange.domain.farm import AccessKey, ClientToken, User
from grange.domain.statuses import Role
from grange.kernel.errors import ConflictError, NotFoundError
from grange.kernel.units import Instant
from grange.services.draft import Draft
from grange.services.owner import Needs


@dataclass(frozen=True, slots=True, kw_only=True)
class AddUser:
    """Add a user. Answers {"name"}."""

    name: str
    role: Role
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
        return {"name": self.name}


@dataclass(frozen=True, slots=True, kw_only=True)
class AddKey:
    """Give a user a key. Answers the AccessKey."""

    user_name: str
    key_id: str
    """Made by the caller (services.identity), since keys look unlike other ids."""
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> AccessKey:
        """Put the key."""
        draft.get(User, self.user_name)
        key = AccessKey(
            key_id=self.key_id,
            user_name=self.user_name,
            created_at=draft.now,
            created_by=self.by,
        )
        draft.put(key)
        return key


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
        draft.put(replace(key, revoked=True))
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

"""Keys, temporary credentials, cookies: derived, never stored; forged ones are refused."""

import asyncio
import os
from typing import Any

import pytest

from grange.domain.farm import AccessKey, User
from grange.domain.people import Level, Membership, Place, SignIn
from grange.domain.statuses import Role
from grange.kernel.errors import AuthenticationError
from grange.kernel.ids import FarmId, FleetId, WorkerId
from grange.kernel.units import Instant
from grange.ports.state import Batch
from grange.services.identity import (
    COOKIE_MS,
    LOGIN_LINK_MS,
    WORKER_CREDENTIALS_MS,
    Identity,
    cookie_hash,
)
from grange.services.permissions import Principal
from grange.testing.memory_store import MemoryStore

NOW = Instant(1_800_000_000_000)
MASTER = bytes(range(32))


def identity(*entities: Any, master: bytes = MASTER) -> Identity:
    store = MemoryStore()

    async def make() -> Identity:
        await store.open()
        await store.commit(Batch(puts=list(entities)))
        found = Identity(master_key=master, store=store, randomness=os.urandom)
        await found.refresh()
        return found

    return asyncio.run(make())


def user(name: str = "ana", role: Role = Role.OWNER, **changes: Any) -> User:
    return User(name=name, role=role, created_at=NOW, created_by="x", **changes)


def key(name: str = "ana", key_id: str = "AKIA1", **changes: Any) -> AccessKey:
    return AccessKey(key_id=key_id, user_name=name, created_at=NOW, created_by="x", **changes)


WORKER = Principal(name="worker", role=Role.WORKER)


def worker_credentials(known: Identity) -> Any:
    return known.worker_credentials(
        WORKER,
        farm_id=FarmId("farm-1"),
        fleet_id=FleetId("fleet-1"),
        worker_id=WorkerId("worker-1"),
        now=NOW,
    )


def test_a_secret_follows_from_master_key_key_id_and_generation():
    known = identity(user(), key())
    secret = known.secret_of("AKIA1", None, NOW)
    assert secret == identity(user(), key()).secret_of("AKIA1", None, NOW)
    assert secret != identity(user(), key(), master=bytes(32)).secret_of("AKIA1", None, NOW)
    assert secret != identity(user(), key(generation=1)).secret_of("AKIA1", None, NOW)
    assert known.principal_of("AKIA1", None, NOW) == Principal(name="ana", role=Role.OWNER)


def test_unknown_and_revoked_keys_have_no_secret():
    known = identity(user(), key(revoked=True))
    assert known.secret_of("AKIA1", None, NOW) is None
    assert known.secret_of("AKIA2", None, NOW) is None


def test_a_disabled_user_is_nobody():
    known = identity(user(disabled=True), key())
    with pytest.raises(AuthenticationError):
        known.principal_of("AKIA1", None, NOW)


def test_temporary_credentials_survive_a_restart_and_say_whom_they_are_for():
    made = worker_credentials(identity(user("worker", Role.WORKER)))
    after = identity(user("worker", Role.WORKER))
    secret = after.secret_of(made.access_key_id, made.session_token, NOW)
    assert secret == made.secret_access_key
    caller = after.principal_of(made.access_key_id, made.session_token, NOW)
    assert caller == Principal(
        name="worker",
        role=Role.WORKER,
        farm_id=FarmId("farm-1"),
        fleet_id=FleetId("fleet-1"),
        worker_id=WorkerId("worker-1"),
    )


def test_temporary_credentials_last_an_hour_at_least_and_then_expire():
    known = identity(user("worker", Role.WORKER))
    made = worker_credentials(known)
    assert made.expires_at - NOW >= 3_600_000
    with pytest.raises(AuthenticationError) as refused:
        known.secret_of(
            made.access_key_id, made.session_token, Instant(NOW + WORKER_CREDENTIALS_MS)
        )
    assert refused.value.code == "ExpiredTokenException"


def test_a_token_belongs_to_its_key_id_and_master_key():
    known = identity(user("worker", Role.WORKER))
    made = worker_credentials(known)
    assert known.secret_of("ASIAOTHER", made.session_token, NOW) is None
    other = identity(user("worker", Role.WORKER), master=bytes(32))
    with pytest.raises(AuthenticationError):
        other.secret_of(made.access_key_id, made.session_token, NOW)


@pytest.mark.parametrize("change", ["grange1.", "", "x", "grange1.!!!!", "grange1.AAAA"])
def test_forged_tokens_are_refused(change: str):
    known = identity(user())
    with pytest.raises(AuthenticationError):
        known.secret_of("ASIA", change, NOW)
    with pytest.raises(AuthenticationError):
        known.principal_of_cookie(change, NOW)


def test_every_byte_of_a_token_counts():
    known = identity(user("worker", Role.WORKER))
    token = worker_credentials(known).session_token
    for place in range(8, len(token), 7):
        other = "A" if token[place] != "A" else "B"
        with pytest.raises(AuthenticationError):
            known.secret_of("ASIA", token[:place] + other + token[place + 1 :], NOW)


def test_a_login_link_works_once_within_a_minute():
    known = identity(user())
    token = known.login_token("ana", NOW)
    assert known.redeem(token, NOW) == "ana"
    with pytest.raises(AuthenticationError):
        known.redeem(token, NOW)
    late = known.login_token("ana", NOW)
    with pytest.raises(AuthenticationError):
        known.redeem(late, Instant(NOW + LOGIN_LINK_MS))


def sign_in(cookie: str, name: str = "ana") -> SignIn:
    return SignIn(
        sign_in_id="signin-1",
        token_hash=cookie_hash(cookie),
        user_name=name,
        how="link",
        address="",
        browser="",
        created_at=NOW,
        expires_at=Instant(NOW + COOKIE_MS),
    )


def test_a_cookie_counts_while_its_sign_in_is_kept_and_not_over():
    known = identity(user(), sign_in("biscuit"))
    assert known.principal_of_cookie("biscuit", NOW).name == "ana"
    for cookie, now in (("crumbs", NOW), ("biscuit", Instant(NOW + COOKIE_MS))):
        with pytest.raises(AuthenticationError):
            known.principal_of_cookie(cookie, now)
    with pytest.raises(AuthenticationError):
        identity(user(disabled=True), sign_in("biscuit")).principal_of_cookie("biscuit", NOW)


def test_what_is_kept_of_a_cookie_opens_nothing():
    """Whoever reads the database cannot sign in with what is in it."""
    kept = sign_in("biscuit")
    with pytest.raises(AuthenticationError):
        identity(user(), kept).principal_of_cookie(kept.token_hash, NOW)


def test_a_stream_ends_with_the_sign_in_the_user_or_the_membership():
    known = identity(user("ben", Role.MEMBER), sign_in("biscuit", "ben"))
    caller = known.principal_of_cookie("biscuit", NOW)
    assert known.may_go_on(caller)
    assert not identity(user("ben", Role.MEMBER)).may_go_on(caller)
    assert not identity(user("ben", Role.MEMBER, disabled=True), sign_in("biscuit")).may_go_on(
        caller
    )
    member = Membership(
        user_name="ben",
        place=Place.FARM,
        target_id="farm-1",
        farm_id="farm-1",
        level=Level.VIEWER,
        created_at=NOW,
        created_by="x",
    )
    more = identity(user("ben", Role.MEMBER), sign_in("biscuit", "ben"), member)
    assert not more.may_go_on(caller)
    assert more.principal_of_cookie("biscuit", NOW).held == {(Place.FARM, "farm-1"): Level.VIEWER}


def test_a_cookie_is_no_credential_and_a_credential_no_cookie():
    known = identity(user(), user("worker", Role.WORKER), sign_in("biscuit"))
    with pytest.raises(AuthenticationError):
        known.secret_of("ASIA", "biscuit", NOW)
    with pytest.raises(AuthenticationError):
        known.principal_of_cookie(worker_credentials(known).session_token, NOW)

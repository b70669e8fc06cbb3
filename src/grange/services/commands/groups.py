"""Groups of workers: make, change, remove. Every change of membership is an event of the books."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from msgspec.structs import replace

from grange.domain.farm import Farm
from grange.domain.groups import Group, members
from grange.domain.work import Worker
from grange.kernel.errors import FieldProblem, InvalidRequestError, NotFoundError
from grange.kernel.ids import FarmId, WorkerId
from grange.services.draft import Draft
from grange.services.owner import Needs

MOST_GROUPS = 1000
LONGEST_NAME = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeGroup:
    """Set, add or remove members of a group, which is made if there is none.

    Answers {"name", "workers"}. What is true already changes nothing.
    """

    farm_id: FarmId
    name: str
    how: Literal["set", "add", "remove"]
    workers: Sequence[str]
    """Ids or names of workers."""
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put the group, and leave an event for each worker that joined or left."""
        draft.get(Farm, self.farm_id)
        check_name(self.name)
        named = [find_worker(draft, self.farm_id, each).worker_id for each in self.workers]
        group = draft.find(Group, self.farm_id, self.name)
        before = () if group is None else group.workers
        match self.how:
            case "set":
                after = members(named)
            case "add":
                after = members([*before, *named])
            case _:
                after = tuple(worker for worker in before if worker not in named)
        put_members(draft, self.farm_id, self.name, after, self.by)
        return {"name": self.name, "workers": list(after)}


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveGroup:
    """Remove a group; its members stay workers, and its past stays in the books. Answers {}."""

    farm_id: FarmId
    name: str
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Delete the row; all members leave."""
        group = draft.find(Group, self.farm_id, self.name)
        if group is None:
            raise NotFoundError("group", self.name)
        _book(draft, self.farm_id, self.name, group.workers, (), by=self.by)
        draft.delete(Group, self.farm_id, self.name)
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceGroups:
    """Make the farm's groups these and no others. Answers {"changed"}: names that differ now.

    A name that fits no worker refuses the whole list, so that nothing is half imported.
    """

    farm_id: FarmId
    groups: Mapping[str, Sequence[str]]
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put every group that differs, delete those that are not named."""
        draft.get(Farm, self.farm_id)
        wanted: dict[str, tuple[WorkerId, ...]] = {}
        for name, workers in self.groups.items():
            check_name(name)
            wanted[name] = members(
                find_worker(draft, self.farm_id, each).worker_id for each in workers
            )
        known = {group.name: group for group in draft.all(Group) if group.farm_id == self.farm_id}
        changed = [
            name
            for name in sorted({*known, *wanted})
            if name not in known or known[name].workers != wanted.get(name)
        ]
        for name in changed:
            if name in wanted:
                put_members(draft, self.farm_id, name, wanted[name], self.by)
            else:
                _book(draft, self.farm_id, name, known[name].workers, (), by=self.by)
                draft.delete(Group, self.farm_id, name)
        return {"changed": changed}


def put_members(
    draft: Draft, farm_id: FarmId, name: str, after: tuple[WorkerId, ...], by: str
) -> None:
    """Give a group these members."""
    group = draft.find(Group, farm_id, name)
    if group is not None and group.workers == after:
        return
    if group is None:
        count = sum(1 for each in draft.all(Group) if each.farm_id == farm_id)
        if count >= MOST_GROUPS:
            raise InvalidRequestError(
                f"A farm has at most {MOST_GROUPS} groups; remove one.", reason="OTHER"
            )
        draft.put(
            Group(farm_id=farm_id, name=name, workers=after, created_at=draft.now, created_by=by)
        )
    else:
        draft.put(replace(group, workers=after, updated_at=draft.now, updated_by=by))
    _book(draft, farm_id, name, () if group is None else group.workers, after, by=by)


def find_worker(draft: Draft, farm_id: FarmId, named: str) -> Worker:
    """Return the worker of an id or a name.

    Raises:
        InvalidRequestError: there is none, or several have the name.
    """
    known = [each for each in draft.all(Worker) if each.farm_id == farm_id]
    found = [each for each in known if each.worker_id == named]
    found = found or [each for each in known if each.host_name == named and each.deleted_at is None]
    if len(found) != 1:
        problem = "is no worker" if not found else "is the name of several workers; give the id"
        raise InvalidRequestError(
            f"{named!r} {problem}. grange worker ls lists them.",
            fields=[FieldProblem("workers", f"{named!r} {problem}")],
        )
    return found[0]


def check_name(name: str) -> None:
    """Refuse names that cannot be written in a list.

    Raises:
        InvalidRequestError: it is empty, too long, or has a comma or a line break.
    """
    bad = not name.strip() or name != name.strip() or len(name) > LONGEST_NAME
    if bad or any(letter in name for letter in ",/\n\r"):
        raise InvalidRequestError(
            f"{name!r} cannot name a group: 1 to {LONGEST_NAME} characters, no comma, no slash.",
            fields=[FieldProblem("name", "is not a name of a group")],
        )


def _book(
    draft: Draft,
    farm_id: FarmId,
    name: str,
    before: tuple[WorkerId, ...],
    after: tuple[WorkerId, ...],
    *,
    by: str,
) -> None:
    draft.touch_queues(farm_id)
    for event, workers in (
        ("group_left", sorted(set(before) - set(after))),
        ("group_joined", sorted(set(after) - set(before))),
    ):
        for worker_id in workers:
            worker = draft.find(Worker, worker_id)
            draft.event(
                "group",
                name,
                event,
                farm_id,
                actor=by,
                worker_id=worker_id,
                fleet_id=None if worker is None else worker.fleet_id,
            )

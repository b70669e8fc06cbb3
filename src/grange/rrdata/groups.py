"""Worker groups (S0-39, S0-40)."""

from datetime import datetime
from pathlib import Path

import msgspec

from grange.rrdata.files import FileProblem, Kind, write_value
from grange.rrdata.loading import as_path, fits, load, pick
from grange.rrdata.place import HERE, UNSET

MAX_GROUPS = 256


class _ClientGroup:
    """A group: an ordered set of workers' names."""

    def __init__(self, name: str = "", members: list[str] | None = None) -> None:
        self._name = name
        self._members = list(members or ())
        self._indices: dict[str, int] = {}
        self._group_id = ""

    def getName(self) -> str:
        return self._name

    def setName(self, name: str) -> None:
        self._name = str(name)

    def count(self) -> int:
        return len(self._members)

    def getClientName(self, index: int) -> str:
        return pick(self._members, index, "")

    def addClient(self, name: str) -> None:
        if name not in self._members:
            self._members.append(str(name))

    def removeClient(self, name: str) -> None:
        if name in self._members:
            self._members.remove(name)

    def removeClientbyID(self, index: int) -> None:
        if fits(index, len(self._members)):
            del self._members[index]

    def clear(self) -> None:
        self._members = []

    def isMember_byGlobalIndex(self, index: int) -> bool:
        return index in self._global_indices()

    def allMemberGlobalIndices(self) -> str:
        return ",".join(str(index) for index in self._global_indices())

    def _global_indices(self) -> list[int]:
        found = (self._indices.get(name) for name in self._members)
        return sorted(index for index in found if index is not None)


class GroupRow(msgspec.Struct, kw_only=True):
    """A group as it is kept."""

    name: str
    members: list[str] = []
    group_id: str = ""
    """The group this row was exported from."""


class GroupsFile(msgspec.Struct, kw_only=True):
    """What the file holds."""

    groups: list[GroupRow] = []
    indices: dict[str, int] = {}
    """Worker → its global index."""


class _ClientGroupList:
    """All groups."""

    def __init__(self) -> None:
        self._fill(GroupsFile())
        self._error = ""
        self.settingsFileDate = UNSET

    def _fill(self, file: GroupsFile) -> None:
        self._indices = file.indices
        self._groups = []
        for row in file.groups:
            group = _ClientGroup(row.name, row.members)
            group._indices = self._indices  # noqa: SLF001 - groups know their list
            group._group_id = row.group_id  # noqa: SLF001
            self._groups.append(group)

    @property
    def count(self) -> int:
        return len(self._groups)

    @count.setter
    def count(self, count: int) -> None:
        count = min(max(0, count), MAX_GROUPS)
        del self._groups[count:]
        while len(self._groups) < count:
            self.clientGroupSet(len(self._groups), _ClientGroup())

    def clientGroup(self, index: int) -> _ClientGroup:
        return pick(self._groups, index, _ClientGroup())

    def clientGroupSet(self, index: int, group: _ClientGroup) -> None:
        if fits(index, min(len(self._groups) + 1, MAX_GROUPS)):
            group._indices = self._indices  # noqa: SLF001
            self._groups[index : index + 1] = [group]

    def clientGroupsMax(self) -> int:
        return MAX_GROUPS

    def groupsOfClient(self, clientName: str) -> str:
        """The names of a worker's groups, separated by commas without spaces."""
        return ",".join(
            group.getName()
            for group in self._groups
            if clientName in group._members  # noqa: SLF001
        )

    def getError(self) -> str:
        return self._error

    def loadFromFile(self, FileName: str) -> bool:
        self._fill(GroupsFile())
        self._error, self.settingsFileDate = "", UNSET
        path = as_path(FileName)
        try:
            self._fill(load(path, Kind.GROUPS, GroupsFile))
        except FileProblem as problem:
            self._error = str(problem)
            return False
        self.settingsFileDate = _changed(path)
        return True

    def saveToFile(self, FileName: str) -> bool:
        self._error = ""
        path = as_path(FileName)
        try:
            write_value(path, Kind.GROUPS, self._rows())
        except OSError as error:
            self._error = str(error)
            return False
        self.settingsFileDate = _changed(path)
        return True

    def _rows(self) -> GroupsFile:
        return GroupsFile(
            groups=[
                GroupRow(
                    name=group._name,  # noqa: SLF001
                    members=group._members,  # noqa: SLF001
                    group_id=group._group_id,  # noqa: SLF001
                )
                for group in self._groups
            ],
            indices=self._indices,
        )


def group_list(file: GroupsFile) -> _ClientGroupList:
    """Return groups that came from elsewhere than a file."""
    groups = _ClientGroupList()
    groups._fill(file)  # noqa: SLF001
    return groups


def _changed(path: Path) -> datetime:
    try:
        return HERE.local(int(path.stat().st_mtime) * 1000)
    except OSError:
        return UNSET

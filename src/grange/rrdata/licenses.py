"""How many render licences there are, by application, plugin, version and region (S0-38)."""

import msgspec

from grange.rrdata.files import FileProblem, Kind, write_value
from grange.rrdata.loading import as_path, fits, load, pick

DEFAULT, WORKSTATION, FARM, CLOUD = 0, 1, 2, 3
REGIONS = 4


class RegionCount(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What is set for one region."""

    is_set: bool = False
    unlimited: bool = False
    count: int = 0
    cost: float = 0.0


def _regions() -> list[RegionCount]:
    return [RegionCount(is_set=region == DEFAULT) for region in range(REGIONS)]


class _AppLicenses_v8_licItem(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The licences of one application; a region that is not set has what the default has."""

    app: str = ""
    plugin: str = ""
    version: int = 0
    version_text: str = ""
    """The farm's own text of the version, for as long as nobody sets another number."""
    default_set: bool = True
    """Whether the farm says anything for its default region."""
    regions: list[RegionCount] = msgspec.field(default_factory=_regions)

    def getRenderAppName(self) -> str:
        return self.app

    def SetRenderAppName(self, name: str) -> None:
        self.app = str(name)

    def getPluginName(self) -> str:
        return self.plugin

    def setPluginName(self, name: str) -> None:
        self.plugin = str(name)

    def getVersion(self) -> int:
        return self.version

    def setVersion(self, version: int) -> None:
        self.version = int(version)
        self.version_text = ""

    def getIsTypeSet(self, region: int) -> bool:
        return pick(self.regions, region, RegionCount()).is_set

    def getLicCount(self, region: int) -> int:
        return self._valid(region).count

    def getIsUnlimited(self, region: int) -> bool:
        return self._valid(region).unlimited

    def getCost(self, region: int) -> float:
        return self._valid(region).cost

    def setIsTypeSet(self, region: int, value: bool) -> None:
        self._own(region).is_set = bool(value) or region == DEFAULT

    def setLicCount(self, region: int, value: int) -> None:
        self._own(region).count = int(value)

    def setIsUnlimited(self, region: int, value: bool) -> None:
        self._own(region).unlimited = bool(value)

    def setCost(self, region: int, value: float) -> None:
        self._own(region).cost = float(value)

    def _own(self, region: int) -> RegionCount:
        """Return what a region has of its own; changes to a region there is not go nowhere."""
        return pick(self.regions, region, RegionCount())

    def _valid(self, region: int) -> RegionCount:
        """Return what holds in a region."""
        own = pick(self.regions, region, None)
        if own is None:
            return RegionCount()
        return own if own.is_set else self.regions[DEFAULT]


class LicensesFile(msgspec.Struct, kw_only=True):
    """What the file holds."""

    items: list[_AppLicenses_v8_licItem] = []


class _AppLicenses_v8:
    """All applications."""

    def __init__(self) -> None:
        self._file = LicensesFile()
        self._error = ""

    def loadFromFile(self, filename: str) -> bool:
        self._file, self._error = LicensesFile(), ""
        try:
            self._file = load(as_path(filename), Kind.LICENSES, LicensesFile)
        except FileProblem as problem:
            self._error = str(problem)
            return False
        return True

    def saveToFile(self, filename: str) -> bool:
        self._error = ""
        try:
            write_value(as_path(filename), Kind.LICENSES, self._file)
        except OSError as error:
            self._error = str(error)
            return False
        return True

    def getError(self) -> str:
        return self._error

    def getCount(self) -> int:
        return len(self._file.items)

    def getLicense(self, index: int) -> _AppLicenses_v8_licItem:
        return pick(self._file.items, index, _AppLicenses_v8_licItem())

    def setLicense(self, index: int, item: _AppLicenses_v8_licItem) -> bool:
        """Put a row at an index; the index behind the last one adds it."""
        items = self._file.items
        if not fits(index, len(items) + 1):
            self._error = f"there is no licence {index}"
            return False
        items[index : index + 1] = [item]
        return True

"""Attribution rules: regular expressions that say what work belongs to (ledger rule 11.9).

A rule looks at the scene, the output, the job's name, the queue, the user or the command. All its
patterns must be found. Named groups fill the attributes of their names; `set` fills others, and may
use the groups. The first rule that gives an attribute a value decides it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from grange.kernel.errors import ConfigurationError

SUBJECTS = ("scene", "output", "job_name", "queue", "user", "command")
"""What a rule can look at."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subjects:
    """What rules look at; of scenes and outputs there may be several."""

    scene: tuple[str, ...] = ()
    output: tuple[str, ...] = ()
    job_name: tuple[str, ...] = ()
    queue: tuple[str, ...] = ()
    user: tuple[str, ...] = ()
    command: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        *,
        parameters: Mapping[str, Mapping[str, object]],
        job_name: str,
        queue: str,
        user: str,
        command: tuple[str, ...] = (),
    ) -> "Subjects":
        """Return the subjects of a job: its outputs are the path parameters called so.

        Args:
            parameters: name → the wire's typed union, e.g. {"path": "/a.blend"}.
            job_name: the job's name.
            queue: the queue's name.
            user: who submits it.
            command: the command and arguments of the layer.
        """
        paths = {name: str(union["path"]) for name, union in parameters.items() if "path" in union}
        return cls(
            scene=tuple(path for name, path in paths.items() if "output" not in name.lower()),
            output=tuple(path for name, path in paths.items() if "output" in name.lower()),
            job_name=(job_name,),
            queue=(queue,),
            user=(user,),
            command=(" ".join(command),) if command else (),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributionRule:
    """One rule."""

    name: str
    patterns: Mapping[str, re.Pattern[str]]
    """By subject; all of them must be found."""
    sets: Mapping[str, str] = field(default_factory=dict)
    """Attribute → value, with {group} for what a named group found."""
    farm: str | None = None
    """Name or id of the only farm it is for."""

    def values(self, subjects: Subjects) -> dict[str, str]:
        """Return the attributes the rule gives; {} where a pattern is not found."""
        groups: dict[str, str] = {}
        for subject, pattern in self.patterns.items():
            texts: tuple[str, ...] = getattr(subjects, subject)
            found = next((hit for text in texts if (hit := pattern.search(text))), None)
            if found is None:
                return {}
            groups |= {name: text for name, text in found.groupdict().items() if text}
        filled = {
            name: text
            for name, template in self.sets.items()
            if (text := _filled(template, groups))
        }
        return {name: text for name, text in groups.items() if name not in self.sets} | filled


def _filled(template: str, groups: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda hit: groups.get(hit[1], ""), template)


def read_rules(document: Mapping[str, object], where: str) -> tuple[AttributionRule, ...]:
    """Return the rules of a decoded `attribution.toml`.

    Raises:
        ConfigurationError: it is not what it should be; names the rule.
    """
    strange = set(document) - {"rule"}
    listed = document.get("rule", [])
    if strange or not isinstance(listed, list):
        raise ConfigurationError(f"{where}: write rules as [[rule]], nothing else.")
    return tuple(_rule(item, f"{where}, rule {number}") for number, item in enumerate(listed, 1))


def _rule(item: object, where: str) -> AttributionRule:
    if not isinstance(item, dict):
        raise ConfigurationError(f"{where}: write it as [[rule]].")
    where = f"{where} ({item.get('name', 'without a name')})"
    strange = sorted(set(item) - {*SUBJECTS, "name", "set", "farm"})
    if strange:
        raise ConfigurationError(
            f"{where}: {strange[0]!r} is not known; a rule has name, farm, set, and patterns for "
            f"{', '.join(SUBJECTS)}."
        )
    patterns = {
        subject: _pattern(item[subject], f"{where}, {subject}")
        for subject in SUBJECTS
        if subject in item
    }
    if not patterns:
        raise ConfigurationError(f"{where}: needs a pattern for one of {', '.join(SUBJECTS)}.")
    sets = item.get("set", {})
    if not isinstance(sets, dict) or not all(isinstance(text, str) for text in sets.values()):
        raise ConfigurationError(f"{where}: `set` is a table of texts.")
    given = {name for pattern in patterns.values() for name in pattern.groupindex}
    for name in sorted(given | set(sets)):
        if not _NAME.match(name):
            raise ConfigurationError(f"{where}: {name!r} cannot be the name of an attribute.")
    if not given and not sets:
        raise ConfigurationError(f"{where}: gives nothing: name a group, or use `set`.")
    return AttributionRule(
        name=str(item.get("name") or where),
        patterns=patterns,
        sets=dict(sets),
        farm=None if item.get("farm") is None else str(item["farm"]),
    )


def _pattern(text: object, where: str) -> re.Pattern[str]:
    if not isinstance(text, str):
        raise ConfigurationError(f"{where}: is not a text.")
    try:
        return re.compile(text)
    except re.error as error:
        raise ConfigurationError(f"{where}: is no regular expression: {error}.") from error

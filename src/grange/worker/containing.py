"""Contained output: jobs write to this machine, and what is whole is copied to its place."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from grange.domain.storage import PathRule, mapped
from grange.worker.logrules.frames import range_expression
from grange.worker.pictures import problem_of

_NUMBER = re.compile(r"(-?\d+)(?!.*\d)")
_PLAIN = re.compile(r"[\w.-]+\Z", re.ASCII)
"""Names that every program takes on its command line; POV-Ray, for one, stumbles over quotes."""
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One place a job writes to and the folder of this machine that stands in for it."""

    steps: frozenset[str]
    """Names of the steps that write to it."""
    given: str
    """How the job names it: perhaps a path of another system."""
    windows: bool
    """True if the job names it as Windows writes paths."""
    place: Path
    """Where its files belong."""
    scratch: Path
    """What the job sees instead: a folder, or a file of a folder of its own."""
    is_file: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """Why an action's output is not good."""

    error_class: str
    rule: str
    text: str


def outputs_of(job: Mapping[str, Any], scratch: Path) -> tuple[Output, ...]:
    """Return the outputs of a job that are contained.

    An output is left where it is if it is no absolute path, or if another path of the job lies in
    it: what is read there must be found there.

    Args:
        job: the wire's jobDetails; `grangeOutputs` lists the parameters, `pathMappingRules` say
            where the paths of the job lie on this machine.
        scratch: a folder for this session alone.
    """
    parameters: Mapping[str, Mapping[str, Any]] = job.get("parameters") or {}
    rules = _rules(job)
    paths = {
        name: str(value["path"])
        for name, value in parameters.items()
        if isinstance(value.get("path"), str)
    }
    here = {given: PurePosixPath(mapped(given, rules)) for given in paths.values()}
    told = {str(output["name"]): output for output in job.get("grangeOutputs") or ()}
    inputs = [here[given] for name, given in paths.items() if name not in told]
    steps: dict[str, set[str]] = {}
    for name, output in told.items():
        if name in paths:
            steps.setdefault(paths[name], set()).add(str(output.get("stepName", "")))
    outputs = [here[given] for given in steps]
    found = []
    for number, (given, names) in enumerate(steps.items()):
        path = here[given]
        others = [*inputs, *(other for other in outputs if other != path)]
        if not path.is_absolute() or len(path.parts) < 2:
            continue
        if any(other.is_relative_to(path) for other in others):
            continue
        kinds = {told[name].get("objectType") for name in told if paths.get(name) == given}
        found.append(
            Output(
                steps=frozenset(names),
                given=given,
                windows=not PurePosixPath(given).is_absolute(),
                place=Path(path),
                scratch=scratch
                / str(number)
                / (path.name if _PLAIN.match(path.name) else "output"),
                is_file=kinds == {"FILE"},
            )
        )
    return tuple(found)


def _rules(job: Mapping[str, Any]) -> list[PathRule]:
    """Return a job's path mapping rules, the longest source first, as sessions apply them."""
    rules = [
        PathRule(
            source_format=str(rule["sourcePathFormat"]).lower(),
            source_path=str(rule["sourcePath"]),
            destination_path=str(rule["destinationPath"]),
        )
        for rule in job.get("pathMappingRules") or ()
    ]
    return sorted(rules, key=lambda rule: -len(rule.source_path))


def prepare(outputs: Iterable[Output]) -> None:
    """Make the folders that stand in for outputs."""
    for output in outputs:
        folder = output.scratch.parent if output.is_file else output.scratch
        folder.mkdir(parents=True, exist_ok=True)


def written(outputs: Iterable[Output]) -> list[tuple[Path, Path]]:
    """Return every file that was written, and its place."""
    pairs = []
    for output in outputs:
        root = output.scratch.parent
        for file in sorted(root.rglob("*")):
            if file.is_dir():
                continue
            if file == output.scratch:
                pairs.append((file, output.place))
            elif file.is_relative_to(output.scratch):
                pairs.append((file, output.place / file.relative_to(output.scratch)))
            else:
                pairs.append((file, output.place.parent / file.relative_to(root)))
    return pairs


def place_of(outputs: Iterable[Output], path: str) -> str:
    """Return where a file that the log named belongs."""
    for output in outputs:
        found = Path(path)
        if found.is_relative_to(output.scratch):
            return str(output.place / found.relative_to(output.scratch))
    return path


def verdict_on(
    outputs: Sequence[Output], pairs: Sequence[tuple[Path, Path]], frames: Sequence[int]
) -> Rejected | None:
    """Return why what was written is not good; None if it is.

    Args:
        outputs: where it should have been written.
        pairs: what was written.
        frames: the frames that were to be rendered. Where files carry their numbers, each frame
            must have one.
    """
    if not outputs:
        return None
    if not pairs:
        names = ", ".join(str(output.place) for output in outputs)
        return Rejected(
            error_class="no_output",
            rule="output:none",
            text=f"The program ended well but wrote nothing to {names}.",
        )
    numbered = {
        int(match[1].lstrip("-"))
        for file, _ in pairs
        if (match := _NUMBER.search(file.stem)) is not None
    }
    missing = [frame for frame in frames if abs(frame) not in numbered]
    if missing and len(missing) < len(frames):
        return Rejected(
            error_class="no_output",
            rule="output:frames",
            text=f"The program ended well, but frames {range_expression(missing)} are missing.",
        )
    return verdict_on_files([(file, str(place)) for file, place in pairs])


def verdict_on_files(
    files: Iterable[tuple[Path, str]], *, lenient: bool = False
) -> Rejected | None:
    """Return why these files, called so, are not good; None if they are.

    Args:
        files: (file, what to call it).
        lenient: only a file that is cut off is not good.
    """
    broken = [
        f"{called} {problem}"
        for file, called in files
        if (problem := problem_of(file, decode=not lenient, lenient=lenient)) is not None
    ]
    if not broken:
        return None
    more = f"; {len(broken) - _MOST_NAMED} more" if len(broken) > _MOST_NAMED else ""
    return Rejected(
        error_class="no_output",
        rule="output:broken",
        text="; ".join(broken[:_MOST_NAMED]) + more,
    )


def clear(outputs: Iterable[Output]) -> None:
    """Remove everything that was written; the folders stay."""
    for output in outputs:
        for file in sorted(output.scratch.parent.rglob("*"), reverse=True):
            if file.is_dir() and not file.is_symlink():
                if file != output.scratch:
                    file.rmdir()
            else:
                file.unlink()

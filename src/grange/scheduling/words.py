"""What capabilities are called by people: reasons say "memory", not `amount.worker.memory`."""

from collections.abc import Mapping, Sequence

from grange.domain.routing import CLASS, GROUP

_MIB_OF: Mapping[str, int] = {
    "amount.worker.memory": 1,
    "amount.worker.gpu.memory": 1,
    "amount.worker.disk.scratch": 1024,
}
_AMOUNTS: Mapping[str, str] = {
    "amount.worker.vcpu": "processor threads",
    "amount.worker.memory": "memory",
    "amount.worker.gpu": "GPUs",
    "amount.worker.gpu.memory": "GPU memory",
    "amount.worker.disk.scratch": "scratch disk",
    "grange:amount.worker.jobthreads": "job threads",
    "grange:amount.worker.cores": "cores",
    "grange:amount.worker.ghz": "GHz",
    "grange:amount.worker.watts": "watts",
    "grange:amount.worker.ps": "PS",
}
_ATTRIBUTES: Mapping[str, str] = {
    GROUP: "group",
    CLASS: "class",
    "grange:attr.renderer": "renderer",
    "grange:attr.worker.region": "region",
    "attr.worker.os.family": "operating system",
    "attr.worker.cpu.arch": "processor architecture",
    "attr.worker.instanceType": "instance type",
}


def too_little(name: str, offered: float, minimum: float) -> str:
    """Say that a worker has less of something than work needs; lists show the beginning alone."""
    needs, has = _values(name, minimum, offered)
    return f"{needs} {_of(name, minimum)} needed, the worker has {has}"


def too_much(name: str, offered: float, maximum: float) -> str:
    """Say that a worker has more of something than work allows."""
    allows, has = _values(name, maximum, offered)
    return f"at most {allows} {_of(name, maximum)} allowed, the worker has {has}"


def none_of(name: str, any_of: Sequence[str]) -> str:
    """Say that a worker has no value of an attribute that would do."""
    return f"{_attribute(name)} {' or '.join(any_of)} needed, the worker does not offer it"


def not_all(name: str, all_of: Sequence[str]) -> str:
    """Say that a worker lacks a value of an attribute."""
    return f"{_attribute(name)} {' and '.join(all_of)} needed, the worker does not offer all"


def _of(name: str, value: float) -> str:
    """Return what there is some of."""
    word = _AMOUNTS.get(name)
    if word is None:
        return f"of {_bare(name, 'amount.')}"
    if name in _MIB_OF:
        return f"of {word}"
    return word.removesuffix("s") if value == 1 else word


def _attribute(name: str) -> str:
    return _ATTRIBUTES.get(name) or _bare(name, "attr.")


def _bare(name: str, kind: str) -> str:
    """Return the name a studio gave, without whose and what kind it is."""
    return name.removeprefix("grange:").removeprefix(kind).removeprefix("worker.")


def _values(name: str, one: float, other: float) -> tuple[str, str]:
    """Return two values as text, in a unit that still tells them apart."""
    mib = _MIB_OF.get(name)
    if mib is None:
        return f"{one:,.15g}", f"{other:,.15g}"
    in_gib = (_gib(one * mib), _gib(other * mib))
    if in_gib[0] != in_gib[1] and max(one, other) * mib >= 1024:
        return in_gib
    return f"{one * mib:,.15g} MiB", f"{other * mib:,.15g} MiB"


def _gib(mib: float) -> str:
    return f"{f'{mib / 1024:,.1f}'.removesuffix('.0')} GiB"

"""Running a script of Royal Render's console on an exported folder (S0-56, S0-58)."""

import runpy
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import grange.rrdata
from grange.kernel.errors import ConfigurationError
from grange.rrdata import connection
from grange.rrdata.place import HERE
from grange.rrdata.table import RrGlobal


def run_script(script: Path, *, root: Path | None = None, arguments: Sequence[str] = ()) -> None:
    """Run a script with `rrGlobal` in scope; whatever it raises comes out as it is.

    Args:
        script: the file to run.
        root: the exported folder; default: RR_ROOT.
        arguments: what it finds behind its name in sys.argv.

    Raises:
        ConfigurationError: there is no such script, or no such folder.
    """
    if not script.is_file():
        raise ConfigurationError(f"There is no script {script}.")
    if root is not None and not root.is_dir():
        raise ConfigurationError(f"There is no folder {root}; make it: grange rrdata export {root}")
    HERE.use(root=root)
    before = sys.argv
    with provided():
        sys.argv = [str(script), *arguments]
        try:
            runpy.run_path(str(script), init_globals={"rrGlobal": RrGlobal()}, run_name="__main__")
        finally:
            sys.argv = before


@contextmanager
def provided() -> Iterator[None]:
    """Let scripts import the modules that Royal Render's console provides."""
    modules = _modules()
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = module


def _modules() -> dict[str, ModuleType]:
    data = grange.rrdata
    package = ModuleType("rr_python_utils", "What scripts import from Royal Render's console.")
    package.__path__ = []
    load_data = ModuleType("rr_python_utils.load_rrdata")
    load_library = ModuleType("rr_python_utils.load_rrlib")
    connect = ModuleType("rr_python_utils.connection")
    load_data.__dict__["rrData"] = data
    load_library.__dict__["rrLib"] = data
    connect.__dict__["server_connect"] = connection.server_connect
    for module in (load_data, load_library, connect):
        package.__dict__[module.__name__.rpartition(".")[2]] = module
    return {
        package.__name__: package,
        load_data.__name__: load_data,
        load_library.__name__: load_library,
        connect.__name__: connect,
        "libpyRR39_datafiles": data,
    }

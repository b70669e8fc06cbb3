"""The environment that programs started by Grange are given."""

import os
from collections.abc import Mapping


def environment_of(added: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment with variables added."""
    return {**os.environ, **added}

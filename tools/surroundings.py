"""The environment in which programs of the tests run: this shell's, without the farm it speaks to.

Whoever has read a farm's `client.env` into a shell has its address, its ids and its keys there.
Tests have farms of their own; a program they start must not speak to that one instead, or sign
with its keys.
"""

from collections.abc import Mapping

_FARMS = ("AWS_", "GRANGE_")
_OURS = ("GRANGE_TEST_", "GRANGE_SOAK_", "GRANGE_WRITE_")
"""What tests themselves are told: where programs are, how much to do, what to write."""


def without_farm(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a shell that say nothing of a farm or an account."""
    return {
        name: value
        for name, value in environ.items()
        if name.startswith(_OURS) or not name.startswith(_FARMS)
    }

"""Settings of the whole suite: what a test needs, and what happens where that is missing.

A test that needs a program or a service carries a marker. `./dev test` installs and starts what
the markers name and says so in an environment variable. Where the variable is missing, the test is
NOT RUN (pytest: skipped, with that reason), and `./dev test --all` counts that as a failure.
"""

import ctypes.util
import gc
import importlib.util
import os
import shutil
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, settings

from tests.longest import LONGEST

NEEDS = {
    "postgres": ("GRANGE_TEST_POSTGRES_URL", "a PostgreSQL server"),
    "povray": ("GRANGE_TEST_POVRAY", "POV-Ray"),
    "rrdtool": ("GRANGE_TEST_RRDTOOL", "rrdtool"),
    "mosquitto": ("GRANGE_TEST_MOSQUITTO", "mosquitto and mosquitto_pub"),
    "sshd": ("GRANGE_TEST_SSHD", "sshd and rsync"),
    "chromium": ("GRANGE_TEST_CHROMIUM", "Chromium"),
    "deadline_cli": ("GRANGE_TEST_DEADLINE", "the deadline command line"),
    "agent": ("GRANGE_TEST_AGENT", "deadline-cloud-worker-agent"),
    "bpy": ("GRANGE_TEST_BPY", "a Python with Blender's module bpy"),
    "rez": ("GRANGE_TEST_REZ", "rez"),
    "mitsuba": ("GRANGE_TEST_MITSUBA", "Mitsuba 3"),
    "job_user": ("GRANGE_TEST_JOB_USER", "a user to run jobs as"),
    "pdf": ("GRANGE_TEST_PDF", "Pango"),
    "netns": ("GRANGE_TEST_NETNS", "root and network namespaces"),
    "faketime": ("GRANGE_TEST_FAKETIME", "libfaketime"),
    "systemd": ("GRANGE_TEST_SYSTEMD", "systemd-analyze"),
}
"""Marker → the variable that says where it is, and what to call it."""


def _namespaces() -> str | None:
    """Return the program that makes network namespaces, if this user may."""
    program = shutil.which("ip") or shutil.which("/usr/sbin/ip")
    if program is None or os.geteuid() != 0:
        return None
    trial = subprocess.run(["unshare", "-n", "-m", "true"], capture_output=True, check=False)
    return None if trial.returncode else program


def _find_what_is_already_here() -> None:
    """Let a bare `pytest` use the programs that this machine has."""
    found = {
        "GRANGE_TEST_POVRAY": shutil.which("povray"),
        "GRANGE_TEST_RRDTOOL": shutil.which("rrdtool"),
        "GRANGE_TEST_MOSQUITTO": shutil.which("mosquitto_pub")
        and (shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")),
        "GRANGE_TEST_SSHD": shutil.which("rsync")
        and (shutil.which("sshd") or shutil.which("/usr/sbin/sshd")),
        "GRANGE_TEST_CHROMIUM": shutil.which("chromium"),
        "GRANGE_TEST_MITSUBA": sys.executable if importlib.util.find_spec("mitsuba") else None,
        "GRANGE_TEST_FAKETIME": shutil.which("faketime"),
        "GRANGE_TEST_SYSTEMD": shutil.which("systemd-analyze"),
        "GRANGE_TEST_NETNS": _namespaces(),
        "GRANGE_TEST_PDF": ctypes.util.find_library("pangoft2-1.0"),
    }
    for variable, value in found.items():
        if value:
            os.environ.setdefault(variable, value)


_find_what_is_already_here()

# How many examples chance wastes, and how large they grow, says nothing of Grange.
BY_CHANCE = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
settings.register_profile("grange", deadline=None, suppress_health_check=BY_CHANCE)
settings.register_profile("quick", parent=settings.get_profile("grange"), max_examples=25)
settings.register_profile("soak", parent=settings.get_profile("grange"), max_examples=2000)
settings.load_profile(os.environ.get("GRANGE_TEST_PROFILE", "grange"))


gc.disable()
"""While tests are found, hardly anything that is made can go again: looking for it takes a quarter
of the time."""


def pytest_collection_finish() -> None:
    # What is there now stays until the end; nothing need look through it again and again.
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_unconfigure() -> None:
    gc.unfreeze()


_PLACES = {path: place for place, path in enumerate(LONGEST)}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # After the order was made random; that within a file and of all other files stays.
    items.sort(key=lambda item: _PLACES.get(item.nodeid.partition("::")[0], len(_PLACES)))
    for item in items:
        for marker, (variable, what) in NEEDS.items():
            if item.get_closest_marker(marker) and not os.environ.get(variable):
                reason = f"NOT RUN: needs {what} ({variable}); ./dev test installs and starts it"
                item.add_marker(pytest.mark.skip(reason=reason))

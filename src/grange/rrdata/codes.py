"""The numbers that stand for names in these classes."""

from collections.abc import Mapping
from enum import IntEnum


class _renderType(IntEnum):
    """Render types, as numbered here."""

    unset = 0
    three_d = 1
    file_export = 2
    app_script = 3
    comp = 4
    archive = 5
    execute_once = 6
    execute_each = 7
    execute_frames = 8


class _RrJob:
    """The one enumeration of Royal Render's module of jobs that statistics need."""

    _renderType = _renderType


rrJob = _RrJob()

_EXECUTE_TYPES = {_renderType.execute_once: 1, _renderType.execute_each: 2}

OPERATING_SYSTEMS: Mapping[str, int] = {"windows": 1, "linux": 2, "mac": 3, "macos": 3}

SERVER, CONTROL, WEBSITE, UNKNOWN, REMOTE, JOB_AUTH, CLIENT, CLOUD_MANAGER = range(-1, -9, -1)
"""Which machine, where it is no worker's global index (S0-53)."""

ACTORS: Mapping[str, int] = {
    "server": SERVER,
    "control": CONTROL,
    "website": WEBSITE,
    "unknown": UNKNOWN,
    "remote": REMOTE,
    "job_auth": JOB_AUTH,
    "client": CLIENT,
    "cloud_manager": CLOUD_MANAGER,
}

ERRORS: Mapping[str, int] = {
    name: number
    for number, name in enumerate(
        (
            "unknown", "crashed", "no_output_folder", "no_free_space", "file_server_time",
            "no_frame_rendered", "divide_adjusted", "too_many_crashes", "no_scene", "no_app",
            "execute_error", "drive_full", "unc_map_failed", "no_licence", "render_crashed",
            "sent_too_often", "low_memory", "permanently_crashed", "frozen", "app_version",
            "no_render_time", "", "double_post", "frame_time_abort", "log_error",
            "too_many_limits",
        )
    )
    if name
}  # fmt: skip
"""Class of an error → its number."""


def render_type(name: str | None, code: int | None = None) -> int:
    """Return the number of a render type by its name; 0 for a name that is none of them."""
    if code is not None:
        return code
    return int(getattr(_renderType, name, 0)) if name and name.isidentifier() else 0


def execute_type(number: int) -> int:
    """Return 0 none, 1 once, 2 on each worker, 3 for each frame."""
    if number == _renderType.execute_frames:
        return 3
    return _EXECUTE_TYPES.get(_renderType(number), 0) if 0 <= number <= 8 else 0

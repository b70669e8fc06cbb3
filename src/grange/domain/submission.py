"""What a submitter may say about a layer beside the attributes everything is grouped by.

First hit wins: the tag `grange:<name>.<layer>`, the tag `grange:<name>`, a job parameter of that
name (whatever its case and `_`). What nobody said is absent.
"""

from collections.abc import Mapping

from grange.domain.attributes import NAMES, TAG_PREFIX

DESCRIBED: Mapping[str, tuple[str, ...]] = {
    "scene": ("scene_file", "scene_name"),
    "scene_database": (),
    "custom_scene": (),
    "job_type": (),
    "aov": (),
    "scene_state": (),
    "scene_take": (),
    "tracker_id": (),
    "color": (),
    "scene_os": (),
    "paths_os": (),
    "image_dir": ("output_dir", "output_directory", "output_path"),
    "image_name": ("output_name", "output_file_name", "output_file_prefix"),
    "image_name_variables": (),
    "image_extension": ("output_extension", "output_format"),
    "image_padding": ("frame_padding",),
    "image_width": ("width",),
    "image_height": ("height",),
    "image_is_data": (),
    "image_tiles": ("tiles",),
    "image_single_file": (),
    "aa_percent": (),
    "seq_start": (),
    "seq_end": (),
    "seq_step": (),
    "seq_offset": (),
    "frame_set": (),
    "sub_frames": (),
    "app_version_minor": (),
    "renderer_version": (),
    "app_variant": (),
    "execute_type": (),
}
"""Name → other names a job parameter may have for it (ledger S0-44 to S0-46, S0-55)."""


def described(
    layer_name: str, tags: Mapping[str, str], parameters: Mapping[str, str]
) -> dict[str, str]:
    """Return what is said about a layer: the names above, and any other `grange:` tag.

    Args:
        layer_name: the layer, for `grange:<name>.<layer>` tags.
        tags: the tags given to CreateJob.
        parameters: job parameters as text.
    """
    by_name = {_plain(name): value for name, value in parameters.items()}
    others = {
        tag.removeprefix(TAG_PREFIX).split(".", 1)[0] for tag in tags if tag.startswith(TAG_PREFIX)
    }
    found: dict[str, str] = {}
    for name in (*DESCRIBED, *sorted(others - DESCRIBED.keys() - {*NAMES, ""})):
        candidates = (
            tags.get(f"{TAG_PREFIX}{name}.{layer_name}"),
            tags.get(f"{TAG_PREFIX}{name}"),
            *(by_name.get(_plain(known)) for known in (name, *DESCRIBED.get(name, ()))),
        )
        value = next((each for each in candidates if each), None)
        if value is not None:
            found[name] = value
    return found


def _plain(name: str) -> str:
    return name.lower().replace("_", "")

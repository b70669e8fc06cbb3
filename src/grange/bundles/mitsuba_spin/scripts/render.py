"""Render some frames of the demo with Mitsuba 3, one after the other, in one process.

    python render.py --frames 1-4 --of 32 --output DIR [--width 448 --height 252 --samples 12]

Each frame becomes `DIR/frame_0001.png`, written under a temporary name first, so that a file with
its final name is always whole.
"""

import argparse
import errno
import os
import re
import sys
from pathlib import Path

import drjit

drjit.set_thread_count(1)  # the farm runs several job threads on a machine; each keeps to one core

import mitsuba as mi  # noqa: E402

mi.set_variant("scalar_rgb")

import scene  # noqa: E402


def frames_of(text: str) -> list[int]:
    """Return the frames of a range such as `1-4`, `7`, `1-9:2` or `1-3,8`.

    Raises:
        ValueError: if the text is no range.
    """
    frames: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(-?\d+)(?:-(-?\d+)(?::(\d+))?)?\s*", part)
        if match is None:
            raise ValueError(f"{text!r} is no range of frames; write for example 1-4.")
        first = int(match[1])
        last = int(match[2]) if match[2] else first
        frames += range(first, last + 1, int(match[3] or 1))
    return frames


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)


def render(frame: int, arguments: argparse.Namespace) -> Path:
    """Render one frame and return its path."""
    span = max(1, arguments.of - 1)
    moment = scene.build(
        min(1.0, (frame - 1) / span), arguments.width, arguments.height, arguments.samples
    )
    picture = mi.Bitmap(mi.render(moment, seed=frame))
    picture = picture.convert(mi.Bitmap.PixelFormat.RGB, mi.Struct.Type.UInt8, srgb_gamma=True)
    path: Path = arguments.output / f"frame_{frame:04d}.png"
    marker = arguments.output / f".frame_{frame:04d}.failed-once"
    if frame == arguments.fail_frame and not marker.exists():
        marker.touch()
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), str(path))
    partial = path.with_name(f".{path.stem}.partial.png")
    picture.write(str(partial))
    partial.replace(path)
    return path


def main() -> int:
    """Render the frames the command line asks for."""
    parser = argparse.ArgumentParser(description="Render frames of the demo with Mitsuba 3.")
    parser.add_argument("--frames", required=True, type=frames_of, help="range, e.g. 1-4")
    parser.add_argument("--of", required=True, type=int, help="frames of the whole animation")
    parser.add_argument("--output", required=True, type=Path, help="folder of the pictures")
    parser.add_argument("--width", type=int, default=448)
    parser.add_argument("--height", type=int, default=252)
    parser.add_argument("--samples", type=int, default=12, help="light paths per pixel")
    parser.add_argument("--fail-frame", type=int, default=0, help="fail this frame once")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    mi.set_log_level(mi.LogLevel.Info)
    say(f"Mitsuba {mi.__version__}, variant {mi.variant()}")
    for done, frame in enumerate(arguments.frames, start=1):
        say(f"grange: frame {frame} start")
        path = render(frame, arguments)
        say(f"grange: frame {frame} done {path}")
        say(f"openjd_progress: {100 * done / len(arguments.frames):.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

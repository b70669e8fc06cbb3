"""Turn the demo's frames into a movie with ffmpeg.

    python encode.py --frames DIR --count 32 --movie harvest.mp4 [--rate 16]

Uses ffmpeg from the package imageio-ffmpeg, or the one on the search path.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path


def ffmpeg() -> str:
    """Return the path of ffmpeg.

    Raises:
        FileNotFoundError: if there is none.
    """
    try:
        import imageio_ffmpeg  # noqa: PLC0415
    except ImportError:
        found = shutil.which("ffmpeg")
        if found is None:
            raise FileNotFoundError(
                "No ffmpeg: install the package imageio-ffmpeg for this Python, or ffmpeg itself."
            ) from None
        return found
    return str(imageio_ffmpeg.get_ffmpeg_exe())


def main() -> int:
    """Encode the movie the command line asks for."""
    parser = argparse.ArgumentParser(description="Turn frames into a movie.")
    parser.add_argument("--frames", required=True, type=Path, help="folder of frame_0001.png, …")
    parser.add_argument("--count", required=True, type=int, help="how many frames there must be")
    parser.add_argument("--movie", required=True, type=Path)
    parser.add_argument("--rate", type=int, default=16, help="frames per second")
    arguments = parser.parse_args()
    missing = [
        number
        for number in range(1, arguments.count + 1)
        if not (arguments.frames / f"frame_{number:04d}.png").exists()
    ]
    if missing:
        print(f"Could find no file for {len(missing)} frames, first {missing[0]}", flush=True)
        return 1
    partial = arguments.movie.with_name(f".{arguments.movie.stem}.partial.mp4")
    command = [
        ffmpeg(), "-y", "-nostdin", "-hide_banner", "-nostats", "-progress", "pipe:1",
        "-threads", "1", "-framerate", str(arguments.rate), "-start_number", "1",
        "-i", str(arguments.frames / "frame_%04d.png"), "-frames:v", str(arguments.count),
        "-vf", "hqdn3d=2:2:4:4", "-c:v", "libx264", "-preset", "slow", "-crf", "16",
        "-pix_fmt", "yuv420p", "-movflags", "+faststart", str(partial),
    ]  # fmt: skip
    code = subprocess.run(command, check=False).returncode
    if code == 0:
        partial.replace(arguments.movie)
        print(f"grange: output {arguments.movie}", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())

"""Draw the pictures of every page anew: docs/images/pages, light and dark, from a made-up studio."""

import os
import subprocess
import sys

from tools.environment import ROOT


def main() -> None:
    """Run the test that opens every page, and have it keep its pictures."""
    environment = {**os.environ, "GRANGE_WRITE_PICTURES": "1"}
    words = ["-q", "-p", "no:randomly", "tests/browser/test_accessibility.py", "-k", "axe_finds"]
    raise SystemExit(
        subprocess.run([sys.executable, "-m", "pytest", *words], cwd=ROOT, env=environment).returncode  # noqa: S603
    )


if __name__ == "__main__":
    main()

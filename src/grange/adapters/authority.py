"""A certificate authority of one's own, and the server's certificate that it signs.

Both lie in a folder, keys readable by their owner alone. Nobody outside needs to trust the
authority: clients are given its certificate, or pin its fingerprint.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from grange.adapters.durable import write_private_bytes
from grange.adapters.pinning import fingerprint_of
from grange.kernel.errors import ConfigurationError, CorruptDataError
from grange.kernel.units import Instant, datetime_of, instant_of

AUTHORITY_DAYS = 3650
CERTIFICATE_DAYS = 825
"""Some clients refuse server certificates that are valid for longer."""
_BACKDATED = timedelta(days=1)
"""Machines whose clocks are behind shall not refuse a new certificate."""
_LONGEST_COMMON_NAME = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFolder:
    """The files of one authority and its server."""

    folder: Path

    @property
    def authority(self) -> Path:
        """The authority's certificate; anybody may have it."""
        return self.folder / "ca.pem"

    @property
    def authority_key(self) -> Path:
        """The authority's key; needed only to make certificates."""
        return self.folder / "ca.key"

    @property
    def certificate(self) -> Path:
        """The server's certificate, followed by the authority's."""
        return self.folder / "server.pem"

    @property
    def key(self) -> Path:
        """The server's key."""
        return self.folder / "server.key"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerCertificate:
    """What a server's certificate says."""

    names: tuple[str, ...]
    """DNS names and addresses that it is for, as they were asked for."""
    expires_at: Instant


def make_authority(files: TlsFolder, *, name: str, now: Instant) -> str:
    """Make the authority where there is none yet; returns its fingerprint.

    Args:
        files: where it is kept.
        name: what it is for, as people may read it.
        now: the time.

    Raises:
        CorruptDataError: the certificate that is there cannot be read.
    """
    if files.authority.exists():
        return fingerprint_of(_pem(files.authority))
    files.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(f"Grange {name}")
    issued = datetime_of(now)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(issued - _BACKDATED)
        .not_valid_after(issued + timedelta(days=AUTHORITY_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    write_private_bytes(files.authority_key, _key_bytes(key))
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    write_private_bytes(files.authority, pem)
    return fingerprint_of(pem.decode())


def make_certificate(files: TlsFolder, *, names: Sequence[str], now: Instant) -> ServerCertificate:
    """Make a new key and certificate for the server, in place of older ones.

    Args:
        files: where they are kept, beside the authority.
        names: DNS names and addresses the server is reached by, the usual one first.
        now: the time.

    Raises:
        ConfigurationError: the authority's key is not here, or a name is none.
        CorruptDataError: the authority's files cannot be read.
    """
    authority = _certificate(files.authority)
    authority_key = _authority_key(files.authority_key)
    key = ec.generate_private_key(ec.SECP256R1())
    issued = datetime_of(now)
    expires = min(issued + timedelta(days=CERTIFICATE_DAYS), authority.not_valid_after_utc)
    try:
        alternatives = [_alternative(name) for name in names]
        subject = _name(names[0])
    except (ValueError, IndexError) as error:
        raise ConfigurationError(
            f"A certificate needs names like render.example or 10.0.0.5, not {list(names)}: {error}"
        ) from error
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(issued - _BACKDATED)
        .not_valid_after(expires)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()),
            critical=False,
        )
        .sign(authority_key, hashes.SHA256())
    )
    write_private_bytes(files.key, _key_bytes(key))
    chain = made.public_bytes(serialization.Encoding.PEM) + authority.public_bytes(
        serialization.Encoding.PEM
    )
    write_private_bytes(files.certificate, chain)
    return read_certificate(files.certificate)


def read_certificate(path: Path) -> ServerCertificate:
    """Return what the first certificate of a PEM file says.

    Raises:
        ConfigurationError: the file cannot be read.
        CorruptDataError: it holds no certificate.
    """
    found = _certificate(path)
    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ServerCertificate(names=(), expires_at=instant_of(found.not_valid_after_utc))
    return ServerCertificate(
        names=tuple(
            str(name.value) for name in names if isinstance(name, x509.DNSName | x509.IPAddress)
        ),
        expires_at=instant_of(found.not_valid_after_utc),
    )


def is_pair(certificate: Path, key: Path) -> bool:
    """Return True if a private key is the one a certificate was made for.

    Raises:
        ConfigurationError: a file cannot be read.
        CorruptDataError: a file does not hold what it should.
    """
    try:
        content = key.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"The key {key} cannot be read: {error}.") from error
    try:
        private = serialization.load_pem_private_key(content, password=None)
    except (ValueError, TypeError) as error:
        raise CorruptDataError(str(key), f"it holds no private key ({error})") from error
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.public_key().public_bytes(*form) == (
        _certificate(certificate).public_key().public_bytes(*form)
    )


def _certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(_pem(path).encode())
    except ValueError as error:
        raise CorruptDataError(str(path), f"it holds no certificate ({error})") from error


def _pem(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except OSError as error:
        raise ConfigurationError(f"The certificate {path} cannot be read: {error}.") from error
    except UnicodeDecodeError as error:
        raise CorruptDataError(str(path), "it holds no certificate in PEM") from error


def _authority_key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"The authority's key {path} is not here, so no certificate can be made. Bring it back,"
            " or remove the folder to make a new authority, which every client must be told of."
        ) from error
    try:
        key = serialization.load_pem_private_key(content, password=None)
    except (ValueError, TypeError) as error:
        raise CorruptDataError(str(path), f"it holds no private key ({error})") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise CorruptDataError(str(path), "it holds a key of another kind")
    return key


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:_LONGEST_COMMON_NAME])])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        if not name or any(letter.isspace() or letter in "/:@" for letter in name):
            raise ValueError(f"{name!r} is no name of a machine") from None
        return x509.DNSName(name.encode("idna").decode())


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _key_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )

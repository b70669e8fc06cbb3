"""AWS Signature Version 4: signing for our own clients, verification for the server.

Both directions are pure functions of the exact bytes on the wire. Only the standard library is
used, because the worker and the command line sign with this module and the base install has no
botocore.

Rules, as AWS's services other than S3 apply them:

- the canonical path is the raw path with dot segments and double slashes removed, percent-encoded
  once more (so `%2F` becomes `%252F`);
- query pairs are sorted after encoding; a pair without `=` has an empty value;
- header values lose outer white space and have inner runs of white space folded to one space;
- the payload is always hashed: UNSIGNED-PAYLOAD and streaming payloads are refused;
- any region is accepted; the service named in the scope is handed back for dispatch.
"""

import hmac
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple, Protocol
from urllib.parse import quote, unquote_to_bytes, urlsplit

from grange.kernel.errors import AuthenticationError
from grange.kernel.units import MILLIS_PER_SECOND, Instant, datetime_of, instant_of

ALGORITHM = "AWS4-HMAC-SHA256"
TERMINATOR = "aws4_request"
MAX_SKEW_SECONDS = 300
"""How far the signer's clock may be from ours, either way."""
EMPTY_SHA256 = sha256(b"").hexdigest()
NEVER_SIGNED = frozenset(
    {
        "authorization",
        "baggage",
        "connection",
        "content-length",
        "expect",
        "keep-alive",
        "te",
        "traceparent",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "x-amzn-trace-id",
    }
)
"""Headers that `sign` leaves out, because a proxy or the HTTP library may change them."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
_PLAIN_PATH = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+/?")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]*")
_AMZ_DATE = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_HEX_SHA256 = re.compile(r"[0-9a-f]{64}")
_CREDENTIAL_PARTS = 5
_BLOCK_BYTES = 64
"""Of SHA-256."""
_INNER_PAD = bytes(byte ^ 0x36 for byte in range(256))
_OUTER_PAD = bytes(byte ^ 0x5C for byte in range(256))
_SigningKey = tuple["_Hash", "_Hash"]
"""A key ready for HMAC (RFC 2104): the two hashes that have read it, copied for each signature."""
_LONGEST_KEPT = 1024
"""Longer headers are read anew each time: what is kept must stay small, whoever sends it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """An access key; `session_token` only with temporary credentials."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


class VerifiedSignature(NamedTuple):
    """What a valid signature proves about a request."""

    access_key_id: str
    session_token: str | None
    region: str
    """As the client wrote it; never checked."""
    service: str
    """`deadline`, `logs`, `sts`, ...: which API the request is for."""
    signed_at: Instant
    """The signer's clock, to the second."""

    def __repr__(self) -> str:
        return f"<signature of {self.access_key_id} for {self.service}>"  # the token is a secret


class _Claim(NamedTuple):
    """What an Authorization header says beside the signature."""

    access_key_id: str
    date: str
    region: str
    service: str
    scope: str
    names: tuple[str, ...]
    """The signed headers."""


class _Hash(Protocol):
    """A hash that is being made."""

    def copy(self) -> "_Hash": ...

    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...

    def hexdigest(self) -> str: ...


SecretLookup = Callable[[str, str | None], str | None]
"""(access key id, session token) to the secret, or None if the key is unknown.

It may raise AuthenticationError itself, e.g. `expired_token()`.
"""


def expired_token() -> AuthenticationError:
    """Return the error for a session token whose time has run out."""
    return AuthenticationError(
        "The security token included in the request is expired. Get new credentials.",
        code="ExpiredTokenException",
    )


def sign(
    *,
    method: str,
    url: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    credentials: Credentials,
    service: str,
    region: str,
    now: Instant,
) -> dict[str, str]:
    """Return all headers to send: those given and the ones that sign the request.

    Args:
        method: HTTP method.
        url: the full URL exactly as it will be requested (already percent-encoded).
        body: the exact bytes that will be sent.
        headers: further headers; they are signed too, except those in `NEVER_SIGNED`.
        credentials: the key to sign with.
        service: the service name, e.g. `deadline`.
        region: any region name.
        now: the time to sign for. After a RequestTimeTooSkewed answer, sign again with the
            time in the answer's Date header.
    """
    parts = urlsplit(url)
    amz_date = _stamp(now // MILLIS_PER_SECOND)
    sent = {name.lower(): value for name, value in (headers or {}).items()}
    sent.setdefault("host", _host_of(parts.scheme, parts.netloc))
    sent["x-amz-date"] = amz_date
    if credentials.session_token is not None:
        sent["x-amz-security-token"] = credentials.session_token
    payload_sha256 = sha256(body).hexdigest() if body else EMPTY_SHA256
    signed = sorted(sent.keys() - NEVER_SIGNED)
    request = _canonical_request(
        method.upper(),
        canonical_path(parts.path, service),
        canonical_query(parts.query),
        [(name, sent[name]) for name in signed],
        payload_sha256,
    )
    scope = f"{amz_date[:8]}/{region}/{service}/{TERMINATOR}"
    key = _signing_key(credentials.secret_access_key, amz_date[:8], region, service)
    signature = _signature(key, amz_date, scope, request.encode("utf-8"))
    sent["authorization"] = (
        f"{ALGORITHM} Credential={credentials.access_key_id}/{scope}, "
        f"SignedHeaders={';'.join(signed)}, Signature={signature}"
    )
    return sent


def verify(
    *,
    method: str,
    raw_path: str,
    raw_query: str,
    headers: Mapping[str, str] | Iterable[tuple[str, str]],
    now: Instant,
    secret_of: SecretLookup,
    body: bytes = b"",
    body_sha256: str | None = None,
) -> VerifiedSignature:
    """Check a request's signature and return who signed it, for which service.

    Args:
        method: HTTP method.
        raw_path: the path as it came, still percent-encoded.
        raw_query: the query string as it came, without `?`.
        headers: names in lower case; repeated names are joined by commas as AWS does. Values
            decoded as latin-1, as ASGI servers hand them over.
        now: the server's clock.
        secret_of: (access key id, session token or None) to the secret, None if unknown.
        body: the exact body, unless `body_sha256` is given.
        body_sha256: the body's SHA-256 in lower-case hex, if the caller has it already.

    Raises:
        AuthenticationError: with the code AWS answers with; the message says what is wrong.
    """
    sent = headers if isinstance(headers, dict) else _joined(headers)
    authorization = sent.get("authorization")
    if authorization is None:
        raise AuthenticationError(
            "The request carries no signature. Sign it with AWS Signature Version 4.",
            code="MissingAuthenticationTokenException",
        )
    claim, signature = _claim_and_signature(authorization)
    amz_date, signed_at = _signing_time(sent)
    if claim.date != amz_date[:8]:
        raise AuthenticationError(
            f"The date in the credential scope ({claim.date}) is not that of the request"
            f" ({amz_date[:8]}).",
            code="InvalidSignatureException",
        )
    _check_signed_headers(claim.names, sent)
    payload_sha256 = _payload_sha256(sent, body, body_sha256)
    _check_skew(signed_at, now)
    session_token = sent.get("x-amz-security-token")
    secret = secret_of(claim.access_key_id, session_token)
    if secret is None:
        raise AuthenticationError(
            "The security token included in the request is invalid: the access key is unknown.",
            code="UnrecognizedClientException",
        )
    key = _signing_key(secret, claim.date, claim.region, claim.service)
    header_pairs = [(name, sent[name]) for name in claim.names]
    path = canonical_path(raw_path, claim.service)
    for query in _possible_queries(raw_query) if raw_query else ("",):
        request = _canonical_request(method.upper(), path, query, header_pairs, payload_sha256)
        expected = _signature(key, amz_date, claim.scope, _header_bytes(request))
        if hmac.compare_digest(expected, signature):
            return VerifiedSignature(
                access_key_id=claim.access_key_id,
                session_token=session_token,
                region=claim.region,
                service=claim.service,
                signed_at=signed_at,
            )
    raise AuthenticationError(
        "The request signature we calculated does not match the signature you provided."
        " Check the secret access key, and that nothing changed the request on its way.",
        code="InvalidSignatureException",
    )


def scope_service(authorization: str | None) -> str | None:
    """Return the service an Authorization header names, unverified; None if it names none."""
    if authorization is None:
        return None
    found = re.search(r"Credential=[^,\s]*/([^/,\s]+)/aws4_request", authorization)
    return found.group(1) if found else None


def canonical_path(raw_path: str, service: str) -> str:
    """Return the path as it is signed; `s3` signs its raw path."""
    if service == "s3":
        return raw_path or "/"
    if len(raw_path) <= _LONGEST_KEPT:
        return _kept_path(raw_path)
    return _canonical_path(raw_path)


@lru_cache(maxsize=4096)
def _kept_path(raw_path: str) -> str:
    return _canonical_path(raw_path)


def _canonical_path(raw_path: str) -> str:
    if _PLAIN_PATH.fullmatch(raw_path):
        return raw_path
    kept: list[str] = []
    for segment in raw_path.split("/"):
        if segment == "..":
            if kept:
                kept.pop()
        elif segment not in {"", "."}:
            kept.append(segment)
    tail = "/" if kept and raw_path.endswith("/") else ""
    return quote("/" + "/".join(kept) + tail, safe="/~")


def canonical_query(raw_query: str) -> str:
    """Return the query string as AWS signs it: decoded, strictly encoded again and sorted."""
    if not raw_query:
        return ""
    pairs = []
    for pair in raw_query.split("&"):
        name, _, value = pair.partition("=")
        pairs.append((_strict(name), _strict(value)))
    pairs.sort()
    return "&".join([f"{name}={value}" for name, value in pairs])


def _possible_queries(raw_query: str) -> Iterable[str]:
    """Yield the canonical query, then the form of clients that sign pairs as they send them."""
    canonical = canonical_query(raw_query)
    yield canonical
    if raw_query:
        pairs = sorted(pair.partition("=")[::2] for pair in raw_query.split("&"))
        as_sent = "&".join([f"{name}={value}" for name, value in pairs])
        if as_sent != canonical:
            yield as_sent


def _strict(text: str) -> str:
    if _UNRESERVED.fullmatch(text):
        return text
    return quote(unquote_to_bytes(text), safe="-_.~")


@lru_cache(maxsize=64)
def _stamp(seconds: int) -> str:
    return datetime_of(Instant(seconds * MILLIS_PER_SECOND)).strftime("%Y%m%dT%H%M%SZ")


@lru_cache(maxsize=64)
def _host_of(scheme: str, netloc: str) -> str:
    """Return the host header for what stands between `//` and the path of a URL."""
    parts = urlsplit(f"//{netloc}")
    hostname, port = parts.hostname or "", parts.port
    host = f"[{hostname}]" if ":" in hostname else hostname
    if port is None or port == _DEFAULT_PORTS.get(scheme):
        return host
    return f"{host}:{port}"


def _canonical_request(
    method: str, path: str, query: str, headers: list[tuple[str, str]], payload_sha256: str
) -> str:
    lines = "".join([f"{name}:{' '.join(value.split())}\n" for name, value in headers])
    names = ";".join([name for name, _ in headers])
    return f"{method}\n{path}\n{query}\n{lines}\n{names}\n{payload_sha256}"


def _signature(key: _SigningKey, amz_date: str, scope: str, canonical_request: bytes) -> str:
    digest = sha256(canonical_request).hexdigest()
    text = f"{ALGORITHM}\n{amz_date}\n{scope}\n{digest}"
    inner, outer = key[0].copy(), key[1].copy()
    inner.update(text.encode("utf-8"))
    outer.update(inner.digest())
    return outer.hexdigest()


@lru_cache(maxsize=16_384)
def _signing_key(secret: str, date: str, region: str, service: str) -> _SigningKey:
    """Return the key derived for one day, region and service; four HMACs, so it is kept."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, TERMINATOR):
        key = hmac.digest(key, part.encode(), "sha256")
    block = key.ljust(_BLOCK_BYTES, b"\0")
    return sha256(block.translate(_INNER_PAD)), sha256(block.translate(_OUTER_PAD))


def _header_bytes(text: str) -> bytes:
    """Return the bytes a latin-1 decoded header had on the wire."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _joined(headers: Mapping[str, str] | Iterable[tuple[str, str]]) -> dict[str, str]:
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    joined: dict[str, str] = {}
    for name, value in pairs:
        key = name.lower()
        joined[key] = f"{joined[key]},{value}" if key in joined else value
    return joined


def _incomplete(message: str) -> AuthenticationError:
    return AuthenticationError(message, code="IncompleteSignatureException")


def _claim_and_signature(authorization: str) -> tuple[_Claim, str]:
    """Return what an Authorization header claims, and its signature.

    All but the signature is the same in every request that a client signs on one day.
    """
    head, mark, signature = authorization.rpartition(", Signature=")
    if mark and len(head) <= _LONGEST_KEPT and _HEX_SHA256.fullmatch(signature):
        return _kept_claim(head), signature
    return _claim(authorization)


@lru_cache(maxsize=4096)
def _kept_claim(head: str) -> _Claim:
    """Return what an Authorization header claims, given what stands before its signature."""
    return _claim(f"{head}, Signature={EMPTY_SHA256}")[0]


def _claim(authorization: str) -> tuple[_Claim, str]:
    credential, names, signature = _parse_authorization(authorization)
    access_key_id, date, region, service = _parse_credential(credential)
    if len(set(names)) != len(names) or names != sorted(names):
        raise _incomplete("SignedHeaders must be sorted, in lower case, each name once.")
    if "host" not in names:
        raise _incomplete("The host header must be signed.")
    claim = _Claim(
        access_key_id=access_key_id,
        date=date,
        region=region,
        service=service,
        scope=f"{date}/{region}/{service}/{TERMINATOR}",
        names=tuple(names),
    )
    return claim, signature


def _parse_authorization(authorization: str) -> tuple[str, list[str], str]:
    """Return credential, signed header names and signature."""
    algorithm, _, rest = authorization.strip().partition(" ")
    if algorithm != ALGORITHM:
        raise _incomplete(f"Unsupported algorithm {algorithm[:40]!r}; sign with {ALGORITHM}.")
    fields = {}
    for part in rest.split(","):
        name, _, value = part.strip().partition("=")
        fields[name] = value
    missing = [
        name for name in ("Credential", "SignedHeaders", "Signature") if not fields.get(name)
    ]
    if missing:
        raise _incomplete(f"The Authorization header lacks {', '.join(missing)}.")
    signature = fields["Signature"]
    if not _HEX_SHA256.fullmatch(signature):
        raise _incomplete("The signature is not 64 lower-case hexadecimal digits.")
    return fields["Credential"], fields["SignedHeaders"].split(";"), signature


def _parse_credential(credential: str) -> tuple[str, str, str, str]:
    """Return access key id, date, region and service."""
    parts = credential.rsplit("/", _CREDENTIAL_PARTS - 1)
    if len(parts) != _CREDENTIAL_PARTS or not all(parts):
        raise _incomplete(
            "The credential must read access-key-id/date/region/service/aws4_request."
        )
    access_key_id, date, region, service, terminator = parts
    if terminator != TERMINATOR:
        raise AuthenticationError(
            f"The credential scope must end with {TERMINATOR}.", code="InvalidSignatureException"
        )
    return access_key_id, date, region, service


def _signing_time(sent: Mapping[str, str]) -> tuple[str, Instant]:
    """Return the request's time as it is signed, and as an Instant."""
    text = sent.get("x-amz-date")
    date = sent.get("date")
    if text is None and date is None:
        raise _incomplete("The request carries neither an X-Amz-Date nor a Date header.")
    try:
        if text is not None:
            return _amz_date(text.strip())
        moment = parsedate_to_datetime(date or "").astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _incomplete(
            "The date must read YYYYMMDDTHHMMSSZ (header X-Amz-Date) or be an HTTP date."
        ) from error
    return moment.strftime("%Y%m%dT%H%M%SZ"), instant_of(moment)


@lru_cache(maxsize=1024)
def _amz_date(text: str) -> tuple[str, Instant]:
    """Return the text and its instant; many requests are signed in the same second."""
    if not _AMZ_DATE.fullmatch(text):
        raise ValueError(text)
    moment = datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return text, instant_of(moment)


def _check_signed_headers(signed: Collection[str], sent: Mapping[str, str]) -> None:
    absent = [name for name in signed if name not in sent]
    if absent:
        raise _incomplete(f"Signed headers are missing from the request: {', '.join(absent)}.")
    loose = sorted(
        [
            name
            for name in sent
            if name not in signed and name.startswith("x-amz-") and name != "x-amz-security-token"
        ]
    )
    if loose:
        raise _incomplete(f"These headers must be signed: {', '.join(loose)}.")


def _payload_sha256(sent: Mapping[str, str], body: bytes, body_sha256: str | None) -> str:
    if body_sha256 is None:
        body_sha256 = sha256(body).hexdigest() if body else EMPTY_SHA256
    declared = sent.get("x-amz-content-sha256")
    if declared is not None and declared.strip() != body_sha256:
        raise AuthenticationError(
            "The X-Amz-Content-SHA256 header is not the hash of the body; unsigned and streamed"
            " payloads are not accepted.",
            code="InvalidSignatureException",
        )
    return body_sha256


def _check_skew(signed_at: Instant, now: Instant) -> None:
    skew_seconds = (signed_at - now) / 1000
    if abs(skew_seconds) > MAX_SKEW_SECONDS:
        direction = "ahead of" if skew_seconds > 0 else "behind"
        raise AuthenticationError(
            f"Signature expired or not yet valid: the request's time is {abs(skew_seconds):.0f} s"
            f" {direction} the server's; at most {MAX_SKEW_SECONDS} s are allowed. Set the clock,"
            " or sign again with the time of the Date header of this answer.",
            code="RequestTimeTooSkewed",
        )

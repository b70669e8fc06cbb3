"""SigV4, against the signer in botocore and against itself."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import formatdate
from hashlib import sha256
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials
from hypothesis import given, settings
from hypothesis import strategies as st

from grange.kernel.errors import AuthenticationError
from grange.kernel.units import Instant, instant_of
from grange.wire import signature as sig

KEY = "AKIDEXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
ARN_PATH = (
    "/2023-10-12/tags/arn%3Aaws%3Adeadline%3Aus-west-2%3A123456789012%3Afarm%2Ffarm-" + "0" * 32
)
REQUESTS = [
    ("GET", "http://127.0.0.1:8765/2023-10-12/farms", b""),
    ("GET", "http://127.0.0.1:8765/", b""),
    ("GET", "http://127.0.0.1:8765", b""),
    ("GET", f"http://localhost:8765{ARN_PATH}", b""),
    ("DELETE", f"http://localhost:80{ARN_PATH}?tagKeys=a%20b&tagKeys=%C3%BC&tagKeys=", b""),
    ("GET", "https://farm.example/a//b/./c/../d/?z=1&a=2&a=1&a&=x&t=2026-01-01T00%3A00", b""),
    ("POST", "http://127.0.0.1:8765/2023-10-12/farms", b'{"displayName": "\xc3\xbc"}'),
    ("PATCH", "http://[::1]:8765/2023-10-12/farms/farm-1/fleets/f/workers/w/schedule", b"{}" * 900),
]

BADLY_ENCODED = [
    ("GET", "https://farm.example/d/?z=1&b==y", b""),
    ("GET", "http://h:1/p?q=a+b&star=*&colon=x:y&pct=%2b", b""),
]
"""botocore signs these query strings as they are; we sign the decoded form, as AWS wants."""


def signed_by_botocore(
    method: str, url: str, body: bytes, *, token: str | None = None, date_header: bool = False
) -> tuple[dict[str, str], Instant]:
    """Return botocore's headers (lower case, with host) and the time it signed for."""
    headers = {"Content-Type": "application/json", "X-Amz-Client-Token": "  a   b ", "Expect": "x"}
    if date_header:
        headers["Date"] = formatdate(usegmt=True)
    request = AWSRequest(method=method, url=url, data=body, headers=headers)
    SigV4Auth(BotoCredentials(KEY, SECRET, token), "deadline", "eu-test-9").add_auth(request)
    prepared = {name.lower(): value for name, value in request.headers.items()}
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else str(parts.hostname)
    default = {"http": 80, "https": 443}[parts.scheme]
    prepared["host"] = host if parts.port in (None, default) else f"{host}:{parts.port}"
    prepared["x-amzn-trace-id"] = "added by a proxy"
    stamp = request.context["timestamp"]
    return prepared, instant_of(datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC))


def lookup(key_id: str, token: str | None) -> str | None:
    """Know one key, with no or with any session token but `expired`."""
    if token == "expired":
        raise sig.expired_token()
    return SECRET if key_id == KEY else None


def verified(
    method: str, url: str, body: bytes, headers: dict[str, str], now: Instant
) -> sig.VerifiedSignature:
    """Verify a request as the server would see it."""
    parts = urlsplit(url)
    return sig.verify(
        method=method,
        raw_path=parts.path or "/",
        raw_query=parts.query,
        headers=headers,
        now=now,
        secret_of=lookup,
        body=body,
    )


@pytest.mark.parametrize("token", [None, "FwoGZXIvYXdzEXAMPLE//////////=="])
@pytest.mark.parametrize("date_header", [False, True])
@pytest.mark.parametrize(("method", "url", "body"), REQUESTS + BADLY_ENCODED)
def test_what_botocore_signs_is_verified(
    method: str, url: str, body: bytes, date_header: bool, token: str | None
) -> None:
    headers, now = signed_by_botocore(method, url, body, token=token, date_header=date_header)
    found = verified(method, url, body, headers, now)
    assert found == sig.VerifiedSignature(
        access_key_id=KEY,
        session_token=token,
        region="eu-test-9",
        service="deadline",
        signed_at=now,
    )


@pytest.mark.parametrize(("method", "url", "body"), REQUESTS)
def test_we_sign_exactly_as_botocore_does(method: str, url: str, body: bytes) -> None:
    theirs, now = signed_by_botocore(method, url, body, token="tok")
    ours = sig.sign(
        method=method,
        url=url,
        body=body,
        headers={"Content-Type": "application/json", "X-Amz-Client-Token": "a b", "Expect": "x"},
        credentials=sig.Credentials(
            access_key_id=KEY, secret_access_key=SECRET, session_token="tok"
        ),
        service="deadline",
        region="eu-test-9",
        now=now,
    )
    assert ours["authorization"] == theirs["authorization"]
    assert ours["host"] == theirs["host"]
    assert verified(method, url, body, ours, now).access_key_id == KEY


URL = "http://127.0.0.1:8765/2023-10-12/farms/farm-1?a=1"


def ours(now: Instant, **changes: object) -> dict[str, str]:
    """Sign the standard request."""
    arguments: dict[str, object] = {
        "method": "POST",
        "url": URL,
        "body": b"{}",
        "headers": {"Content-Type": "application/json", "X-Amz-Target": "T"},
        "credentials": sig.Credentials(access_key_id=KEY, secret_access_key=SECRET),
        "service": "deadline",
        "region": "r",
        "now": now,
    }
    return sig.sign(**(arguments | changes))  # type: ignore[arg-type]


NOW = Instant(1_770_000_000_000)


def code_of(headers: dict[str, str], **changes: object) -> str:
    """Return the code with which the standard request is refused."""
    arguments: dict[str, object] = {
        "method": "POST",
        "url": URL,
        "body": b"{}",
        "headers": headers,
        "now": NOW,
    }
    with pytest.raises(AuthenticationError) as caught:
        verified(**(arguments | changes))  # type: ignore[arg-type]
    assert str(caught.value)
    assert SECRET not in str(caught.value)
    return caught.value.code


@pytest.mark.parametrize(
    "change",
    [
        {"method": "PATCH"},
        {"url": URL.replace("farm-1", "farm-2")},
        {"url": URL.replace("a=1", "a=2")},
        {"url": URL + "&b=1"},
        {"body": b"{ }"},
    ],
)
def test_a_changed_request_is_refused(change: dict[str, object]) -> None:
    assert code_of(ours(NOW), **change) == "InvalidSignatureException"


@pytest.mark.parametrize("header", ["content-type", "x-amz-target", "host"])
def test_a_changed_signed_header_is_refused(header: str) -> None:
    headers = ours(NOW)
    assert code_of({**headers, header: headers[header] + "x"}) == "InvalidSignatureException"


def test_a_wrong_secret_is_refused() -> None:
    wrong = sig.Credentials(access_key_id=KEY, secret_access_key="other")
    assert code_of(ours(NOW, credentials=wrong)) == "InvalidSignatureException"


def test_a_changed_region_or_service_is_refused() -> None:
    headers = ours(NOW)
    for old, new in (("/r/deadline/", "/q/deadline/"), ("/r/deadline/", "/r/logs/")):
        changed = {**headers, "authorization": headers["authorization"].replace(old, new)}
        assert code_of(changed) == "InvalidSignatureException"


def test_an_unknown_key_is_named_unrecognised() -> None:
    stranger = sig.Credentials(access_key_id="AKIDOTHER", secret_access_key=SECRET)
    assert code_of(ours(NOW, credentials=stranger)) == "UnrecognizedClientException"


def test_an_expired_session_token_is_named_so() -> None:
    old = sig.Credentials(access_key_id=KEY, secret_access_key=SECRET, session_token="expired")
    assert code_of(ours(NOW, credentials=old)) == "ExpiredTokenException"


def test_no_signature_at_all() -> None:
    assert code_of({"host": "h"}) == "MissingAuthenticationTokenException"


@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [
        ("AWS4-HMAC-SHA256", "Bearer"),
        ("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"),
        ("Signature=", "Signatur="),
        ("Credential=", "Cred="),
        ("SignedHeaders=", "Headers="),
        ("SignedHeaders=", "SignedHeaders=accept;"),
        ("host;", ""),
        ("host;", "host;host;"),
        (";x-amz-target", ""),
        ("/deadline/", "/"),
        ("Signature=", "Signature=z"),
        ("Signature=", "Signature=A"),
    ],
)
def test_a_malformed_authorization_is_incomplete(pattern: str, replacement: str) -> None:
    headers = ours(NOW)
    assert pattern in headers["authorization"]
    changed = headers["authorization"].replace(pattern, replacement)
    assert code_of({**headers, "authorization": changed}) == "IncompleteSignatureException"


def test_another_terminator_is_refused() -> None:
    headers = ours(NOW)
    changed = headers["authorization"].replace("aws4_request", "aws5_request")
    assert code_of({**headers, "authorization": changed}) == "InvalidSignatureException"


def test_the_scope_must_have_the_date_of_the_request() -> None:
    headers = ours(NOW)
    changed = headers["authorization"].replace(f"/{headers['x-amz-date'][:8]}/", "/20200101/")
    assert code_of({**headers, "authorization": changed}) == "InvalidSignatureException"


@pytest.mark.parametrize("text", ["", "20260202", "2026-02-02T02:40:00Z", "20261332T000000Z"])
def test_an_unreadable_date_is_incomplete(text: str) -> None:
    assert code_of({**ours(NOW), "x-amz-date": text}) == "IncompleteSignatureException"


def test_no_date_is_incomplete() -> None:
    headers = ours(NOW)
    del headers["x-amz-date"]
    assert code_of(headers) == "IncompleteSignatureException"
    assert code_of({**headers, "date": "yesterday"}) == "IncompleteSignatureException"


@pytest.mark.parametrize(
    "payload", ["UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "0" * 64]
)
def test_unsigned_and_wrong_payload_hashes_are_refused(payload: str) -> None:
    headers = ours(NOW, headers={"X-Amz-Content-SHA256": payload})
    assert code_of(headers) == "InvalidSignatureException"


def test_a_right_payload_hash_is_accepted() -> None:
    headers = ours(NOW, headers={"X-Amz-Content-SHA256": sha256(b"{}").hexdigest()})
    assert verified("POST", URL, b"{}", headers, NOW).service == "deadline"


@pytest.mark.parametrize(("skew_ms", "fine"), [(0, True), (300_000, True), (300_001, False)])
def test_five_minutes_of_skew_are_allowed_either_way(skew_ms: int, fine: bool) -> None:
    headers = ours(NOW)
    for now in (Instant(NOW + skew_ms), Instant(NOW - skew_ms)):
        if fine:
            assert verified("POST", URL, b"{}", headers, now).signed_at == NOW
        else:
            assert code_of(headers, now=now) == "RequestTimeTooSkewed"


def test_requests_of_one_client_are_told_apart_though_their_claim_is_the_same() -> None:
    first, second = ours(NOW), ours(NOW, url=URL.replace("farm-1", "farm-2"))
    claim = first["authorization"].rpartition("Signature=")[0]
    assert second["authorization"].startswith(claim)
    for _ in range(2):
        assert verified("POST", URL, b"{}", first, NOW).access_key_id == KEY
        stolen = {**first, "authorization": second["authorization"]}
        assert code_of(stolen) == "InvalidSignatureException"


def test_paths_and_claims_too_long_to_be_kept_are_verified_like_others() -> None:
    url = URL.replace("farm-1", "f" * 2000)
    names = {f"X-Amz-Meta-{number:03d}": "v" for number in range(100)}
    headers = ours(NOW, url=url, headers=names)
    assert len(headers["authorization"]) > 1200
    assert verified("POST", url, b"{}", headers, NOW).access_key_id == KEY


def test_headers_may_come_as_pairs_and_repeat() -> None:
    headers = ours(NOW, headers={"X-Amz-Meta": "one,two"})
    pairs = [(name, value) for name, value in headers.items() if name != "x-amz-meta"]
    pairs += [("X-Amz-Meta", "one"), ("x-amz-meta", "two")]
    parts = urlsplit(URL)
    found = sig.verify(
        method="POST",
        raw_path=parts.path,
        raw_query=parts.query,
        headers=pairs,
        now=NOW,
        secret_of=lookup,
        body_sha256="44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
    )
    assert found.access_key_id == KEY


def test_the_service_can_be_read_before_verification() -> None:
    assert sig.scope_service(ours(NOW)["authorization"]) == "deadline"
    assert sig.scope_service(None) is None
    assert sig.scope_service("Bearer x") is None


def test_secrets_do_not_show_in_representations() -> None:
    shown = repr(sig.Credentials(access_key_id=KEY, secret_access_key=SECRET, session_token="tok9"))
    assert SECRET not in shown
    assert "tok9" not in shown


def test_signing_needs_the_standard_library_only() -> None:
    code = (
        "import sys; before = set(sys.modules); import grange.wire.signature;"
        "print(sorted({name.split('.')[0] for name in set(sys.modules) - before}"
        " - set(sys.stdlib_module_names)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['grange']"


@settings(max_examples=300, deadline=None)
@given(
    method=st.sampled_from(["GET", "PUT"]),
    path=st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="?#")),
    query=st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="#")),
    body=st.binary(max_size=50),
)
def test_any_url_signed_by_us_is_verified(method: str, path: str, query: str, body: bytes) -> None:
    url = f"http://h:1/{path}?{query}"
    headers = ours(NOW, method=method, url=url, body=body)
    assert verified(method, url, body, headers, NOW).service == "deadline"


@settings(max_examples=300, deadline=None)
@given(
    headers=st.dictionaries(
        st.sampled_from(["authorization", "x-amz-date", "date", "host", "x-amz-content-sha256"]),
        st.one_of(
            st.text(st.characters(max_codepoint=255), max_size=80),
            st.sampled_from(list(ours(NOW).values())),
        ),
    )
)
def test_arbitrary_headers_raise_authentication_errors_only(headers: dict[str, str]) -> None:
    with pytest.raises(AuthenticationError):
        verified("POST", "http://h/x", b"", headers, NOW)


def test_credentials_can_be_replaced() -> None:
    first = sig.Credentials(access_key_id=KEY, secret_access_key=SECRET)
    assert replace(first, session_token="t").session_token == "t"

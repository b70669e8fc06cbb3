"""Unmodified boto3 clients of a farm."""

from functools import cache
from threading import Lock
from typing import Any

_MAKING = Lock()
"""A session may make one client at a time."""


def client(
    service: str,
    endpoint: str,
    *,
    key_id: str,
    secret: str,
    token: str | None = None,
    region: str = "us-west-2",
    **config: Any,
) -> Any:
    """Return a boto3 client that sends each request once.

    Args:
        service: `deadline`, `sts` or `logs`.
        endpoint: of the farm.
        key_id: access key.
        secret: belongs to it.
        token: of a session; None: the key is somebody's own.
        region: that it signs for.
        config: other members of botocore's `Config`.
    """
    from botocore.config import Config  # noqa: PLC0415 - a dependency of tests alone

    with _MAKING:
        return _session().client(
            service,
            region_name=region,
            endpoint_url=endpoint,
            aws_access_key_id=key_id,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=Config(inject_host_prefix=False, retries={"total_max_attempts": 1}, **config),
        )


def client_as(
    role: dict[str, Any], endpoint: str, service: str = "deadline", *, region: str = "us-west-2"
) -> Any:
    """Return a boto3 client that signs as a role, as AssumeFleetRoleForWorker gives it."""
    return client(
        service,
        endpoint,
        key_id=role["accessKeyId"],
        secret=role["secretAccessKey"],
        token=role["sessionToken"],
        region=region,
    )


@cache
def _session() -> Any:
    """Return one session for a process: it reads the models of the services, which is slow."""
    import boto3  # noqa: PLC0415

    return boto3.Session()

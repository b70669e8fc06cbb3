"""STS GetCallerIdentity, with which clients ask who they are (query protocol, XML replies)."""

import re
from dataclasses import dataclass
from html import escape
from http import HTTPStatus
from urllib.parse import parse_qsl

from grange.kernel.errors import FieldProblem, InvalidRequestError, UnknownOperationError
from grange.wire.encode import Reply
from grange.wire.faults import fault_of, renamed, retry_header

SERVICE = "sts"
"""The service in the credential scope of these requests."""

NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"

_HEADERS = (("content-type", "text/xml"),)
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_CODES = {
    "AccessDeniedException": "AccessDenied",
    "ExpiredTokenException": "ExpiredToken",
    "IncompleteSignatureException": "IncompleteSignature",
    "InternalServerErrorException": "InternalFailure",
    "InvalidSignatureException": "SignatureDoesNotMatch",
    "MissingAuthenticationTokenException": "MissingAuthenticationToken",
    "ThrottlingException": "Throttling",
    "UnknownOperationException": "InvalidAction",
    "UnrecognizedClientException": "InvalidClientTokenId",
    "ValidationException": "ValidationError",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerIdentity:
    """Who signed a request, in AWS's words."""

    account: str
    """Twelve digits."""
    arn: str
    user_id: str


def decode_sts_request(raw_query: str, body: bytes) -> str:
    """Return the action a request names; the only one there is: `GetCallerIdentity`.

    Raises:
        InvalidRequestError: if the parameters cannot be read, or there is no action.
        UnknownOperationError: if the action is another one.
    """
    try:
        pairs = parse_qsl(raw_query) + parse_qsl(body.decode("ascii"), errors="strict")
        actions = {value for name, value in pairs if name == "Action"}
    except ValueError as error:
        raise InvalidRequestError(
            "The body must be a URL-encoded form.", reason="CANNOT_PARSE"
        ) from error
    if len(actions) != 1:
        raise InvalidRequestError(
            "The form must name one Action.", fields=[FieldProblem("Action", "is required")]
        )
    action = actions.pop()
    if action != "GetCallerIdentity":
        raise UnknownOperationError("STS", action)
    return action


def encode_caller_identity(identity: CallerIdentity, *, request_id: str) -> Reply:
    """Return the reply to GetCallerIdentity."""
    text = (
        f'<GetCallerIdentityResponse xmlns="{NAMESPACE}"><GetCallerIdentityResult>'
        f"<Arn>{_xml(identity.arn)}</Arn><UserId>{_xml(identity.user_id)}</UserId>"
        f"<Account>{_xml(identity.account)}</Account></GetCallerIdentityResult>"
        f"<ResponseMetadata><RequestId>{_xml(request_id)}</RequestId></ResponseMetadata>"
        "</GetCallerIdentityResponse>"
    )
    return Reply(status=HTTPStatus.OK, headers=_HEADERS, body=text.encode())


def encode_sts_fault(error: BaseException, *, request_id: str) -> Reply:
    """Return the reply that tells of an error in this API's words."""
    fault = renamed(fault_of(error), _CODES)
    side = "Receiver" if fault.status >= HTTPStatus.INTERNAL_SERVER_ERROR else "Sender"
    text = (
        f'<ErrorResponse xmlns="{NAMESPACE}"><Error><Type>{side}</Type>'
        f"<Code>{_xml(fault.code)}</Code><Message>{_xml(fault.message)}</Message></Error>"
        f"<RequestId>{_xml(request_id)}</RequestId></ErrorResponse>"
    )
    headers = _HEADERS + retry_header(fault)
    return Reply(status=int(fault.status), headers=headers, body=text.encode())


def _xml(text: str) -> str:
    return escape(_NOT_XML.sub("?", text), quote=False)

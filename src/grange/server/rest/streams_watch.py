"""What a watch of streams asks, and what programs that hand in facts tell about themselves."""

import asyncio
from typing import Annotated, Any, Literal

import msgspec
from litestar import delete, get, put
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from grange.kernel.errors import NotFoundError
from grange.kernel.units import Instant
from grange.ports.watch import Collected, Contact
from grange.server.rest.given import Services
from grange.server.rest.shapes import described
from grange.server.rest.stream_shapes import StreamWatch

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]


class CollectedBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far the logs of one stream were read."""

    stream: _Name
    kind: Literal["rx", "tx", "other"]
    until_at: Annotated[int, msgspec.Meta(ge=0)]


class ContactBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A program that has just handed in what there was, or found that there was nothing."""

    program: Literal["collect", "datalog"]
    machine: _Name
    collected: Annotated[list[CollectedBody], msgspec.Meta(max_length=100_000)] = []


class ContactRow(msgspec.Struct, frozen=True, kw_only=True):
    """When a program handed in something last."""

    program: str
    machine: str
    at: int
    streams: int


class ContactRows(msgspec.Struct, frozen=True, kw_only=True):
    """The programs that hand in facts of streams."""

    contacts: list[ContactRow]


@put("/farms/{farm_id:str}/streams/contacts", operation="PutStreamContact")
async def put_stream_contact(
    farm_id: FromPath[str], data: JSONBody[ContactBody], context: Services
) -> ContactRow:
    """Note that a collector or data logger is at work, and how far it has read."""
    await context.rows.farm({"farmId": farm_id})
    contact = Contact(
        program=data.program,
        machine=data.machine,
        at=context.clock.now(),
        collected=tuple(
            Collected(
                stream=one.stream,
                kind=one.kind,
                machine=data.machine,
                until_at=Instant(one.until_at),
            )
            for one in data.collected
        ),
    )
    await asyncio.to_thread(context.contacts.note, farm_id, contact)
    return _row(contact)


@get("/farms/{farm_id:str}/streams/contacts", operation="ListStreamContacts")
async def list_stream_contacts(farm_id: FromPath[str], context: Services) -> ContactRows:
    """List the collectors and data loggers, and when each was last at work."""
    await context.rows.farm({"farmId": farm_id})
    known = await asyncio.to_thread(context.contacts.all, farm_id)
    return ContactRows(contacts=[_row(one) for one in known])


@delete("/farms/{farm_id:str}/streams/contacts", operation="ForgetStreamContact", status_code=200)
async def forget_stream_contact(
    farm_id: FromPath[str], program: FromQuery[str], machine: FromQuery[str], context: Services
) -> ContactRows:
    """Forget a collector or data logger that was taken out of service."""
    await context.rows.farm({"farmId": farm_id})
    if not await asyncio.to_thread(context.contacts.forget, farm_id, program, machine):
        raise NotFoundError(program, machine)
    known = await asyncio.to_thread(context.contacts.all, farm_id)
    return ContactRows(contacts=[_row(one) for one in known])


@get(
    "/farms/{farm_id:str}/streams/watch",
    operation="GetStreamWatch",
    responses=described(StreamWatch),
)
async def get_stream_watch(
    farm_id: FromPath[str],
    since: Annotated[int, QueryParameter(ge=0)],
    until: Annotated[int, QueryParameter(ge=0)],
    context: Services,
    gap_ms: Annotated[int, QueryParameter(ge=0)] = 3_600_000,
) -> dict[str, Any]:
    """Show hours and gaps of log streams, hours of logged values, and who hands them in."""
    await context.rows.farm({"farmId": farm_id})
    answer: dict[str, Any] = await context.books.ask(
        "stream_watch", farm_id=farm_id, since=since, until=until, gap_ms=gap_ms
    )
    known = await asyncio.to_thread(context.contacts.all, farm_id)
    return {
        **answer,
        "collected": [msgspec.to_builtins(one) for contact in known for one in contact.collected],
        "writers": [
            {"program": one.program, "machine": one.machine, "last_at": one.at} for one in known
        ],
    }


def _row(contact: Contact) -> ContactRow:
    return ContactRow(
        program=contact.program,
        machine=contact.machine,
        at=contact.at,
        streams=len(contact.collected),
    )


HANDLERS = [
    put_stream_contact,
    list_stream_contacts,
    forget_stream_contact,
    get_stream_watch,
]

"""Messages of an MQTT broker, through paho-mqtt: MQTT 5 or 3.1.1, acknowledged by hand (S3-08).

The session is persistent: what the broker could not deliver, or was not told that it is kept, comes
again. paho's own thread does nothing but hand messages to the sink.
"""

import contextlib
import logging
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from grange.kernel.clock import Clock
from grange.kernel.errors import ConfigurationError
from grange.ports.mqtt import FeedSink, Message

_log = logging.getLogger(__name__)
_QOS = 1
_NEVER = 0xFFFFFFFF
"""A session that does not expire."""
_SLOWEST_RECONNECT_SECONDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """Where the broker is, and who we are there."""

    host: str
    port: int
    client_id: str
    """Names the session: always the same for one data logger."""
    topics: tuple[str, ...]
    """Filters to subscribe to."""
    protocol: Literal["5", "3.1.1"] = "5"
    receive_maximum: int = 1000
    """So many messages may be on their way to us unacknowledged (MQTT 5)."""
    keepalive_seconds: int = 30
    session_expiry_seconds: int = _NEVER
    user_name: str = ""
    password: str = field(default="", repr=False)
    ca_file: Path | None = None
    """Authority of the broker's certificate; None: no TLS."""


class PahoFeed:
    """An `MqttFeed` of one broker."""

    def __init__(self, broker: Broker, clock: Clock) -> None:
        """Prepare a connection; `start` makes it.

        Raises:
            ConfigurationError: the authority's file cannot be read.
        """
        self._broker = broker
        self._clock = clock
        self._gate = threading.Lock()
        """Held while the connection changes and while messages are acknowledged."""
        self._connection = 0
        self._up = False
        self._sink: FeedSink
        self._five = broker.protocol == "5"
        self._client = self._new_client()

    def start(self, sink: FeedSink) -> None:
        """Connect and stay connected until `stop`, in paho's thread."""
        self._sink = sink
        options: dict[str, Any] = {}
        if self._five:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho's
            properties.SessionExpiryInterval = self._broker.session_expiry_seconds
            properties.ReceiveMaximum = self._broker.receive_maximum
            options = {"clean_start": False, "properties": properties}
        self._client.connect_async(
            self._broker.host, self._broker.port, self._broker.keepalive_seconds, **options
        )
        self._client.loop_start()

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Tell the broker that messages are kept; see `ports.mqtt`."""
        with self._gate:
            if not self._up:
                return
            for message in messages:
                if message.qos and message.connection == self._connection:
                    self._client.ack(message.packet_id, message.qos)

    def reconnect(self) -> None:
        """Break the connection off; paho's thread connects again."""
        found = self._client.socket()
        if isinstance(found, socket.socket):
            with contextlib.suppress(OSError):  # it is gone already
                found.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        """Disconnect; the session stays."""
        self._client.disconnect()
        self._client.loop_stop()
        # Else it keeps the sockets that woke its thread until it is collected, and us with it.
        self._client.reinitialise(self._broker.client_id, clean_session=False)

    def _new_client(self) -> Client:
        broker = self._broker
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=broker.client_id,
            clean_session=None if self._five else False,
            protocol=MQTTProtocolVersion.MQTTv5 if self._five else MQTTProtocolVersion.MQTTv311,
            manual_ack=True,
        )
        client.suppress_exceptions = True
        client.enable_logger(_log)
        client.reconnect_delay_set(1, _SLOWEST_RECONNECT_SECONDS)
        if broker.user_name:
            client.username_pw_set(broker.user_name, broker.password or None)
        if broker.ca_file is not None:
            try:
                client.tls_set(ca_certs=str(broker.ca_file))
            except (OSError, ValueError) as error:
                raise ConfigurationError(
                    f"ca_file {broker.ca_file} is no authority's certificate: {error}."
                ) from error
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_connect_fail = self._on_connect_fail
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe
        return client

    # Called from paho's thread: nothing here may wait for anything.

    def _on_connect(
        self,
        client: Client,
        _data: Any,
        flags: ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self._sink.lost(f"the broker refused us: {reason}")
            return
        with self._gate:
            self._connection += 1
            self._up = True
        self._sink.connected(self._connection, session_present=flags.session_present)
        if self._five:
            options = SubscribeOptions(qos=_QOS, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)
            client.subscribe([(topic, options) for topic in self._broker.topics])
        else:
            client.subscribe([(topic, _QOS) for topic in self._broker.topics])

    def _on_disconnect(
        self,
        _client: Client,
        _data: Any,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        with self._gate:
            self._up = False
        self._sink.lost(str(reason))

    def _on_connect_fail(self, _client: Client, _data: Any) -> None:
        self._sink.lost(f"nobody answers at {self._broker.host}:{self._broker.port}")

    def _on_subscribe(
        self,
        _client: Client,
        _data: Any,
        _packet_id: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        for topic, reason in zip(self._broker.topics, reasons, strict=False):
            if reason.is_failure:
                _log.error(
                    "The broker refused the subscription to %s: %s.",
                    topic,
                    reason,
                    extra={"action": "subscription_refused"},
                )

    def _on_message(self, client: Client, _data: Any, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:  # no topic of ours; it is not worth having it again
            client.ack(message.mid, message.qos)
            return
        self._sink.deliver(
            Message(
                topic=topic,
                payload=bytes(message.payload),
                qos=message.qos,
                packet_id=message.mid,
                repeated=message.dup,
                retained=message.retain,
                connection=self._connection,
                received_at=self._clock.now(),
            )
        )

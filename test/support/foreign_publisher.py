"""Publishes as programs in Python do, with whatever their libraries make of the values.

    foreign_publisher.py pika URL QUEUE
    foreign_publisher.py proton HOST:PORT QUEUE
"""

import sys
import uuid
from datetime import datetime, timezone
from decimal import Decimal


def with_pika(url, queue):
    import pika

    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.confirm_delivery()
    channel.queue_declare(queue, durable=True)
    everything = pika.BasicProperties(
        content_type="application/json",
        content_encoding="utf-8",
        headers={
            "small": 1,
            "negative": -1,
            "int32": 2**31 - 1,
            "uint32": 2**32 - 1,
            "beyond 2^53": 2**53 + 1,
            "int64": 2**63 - 1,
            "least": -(2**63),
            "decimal": Decimal("3.14"),
            "when": datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc),
            "bytes": b"\x00\xff",
            "text": "\u00fcn\u00efcode \U0001f5d1",
            "none": None,
            "yes": True,
            "list": [1, "two", None, [3], {"four": 4}],
            "table": {"!": "nope", "value": 1, "": {}},
            "__proto__": {"polluted": 1},
        },
        delivery_mode=2,
        priority=3,
        correlation_id=str(uuid.uuid4()),
        reply_to="amq.rabbitmq.reply-to.x",
        expiration="600000",
        message_id="pika-1",
        timestamp=1767225600123,
        type="kind",
        user_id="guest",
        app_id="pika",
        cluster_id="c",
    )
    for properties in (None, pika.BasicProperties(headers={}), everything):
        for body in (b"", b'{"a": NaN}', '{"\u00fc": 1}'.encode(), b"\xff\x00"):
            channel.basic_publish("", queue, body, properties, mandatory=True)
    connection.close()


def with_proton(address, queue):
    from proton import Data, Described, Message, symbol, timestamp, ubyte, uint, ulong
    from proton.utils import BlockingConnection

    connection = BlockingConnection("amqp://guest:guest@" + address, allowed_mechs="PLAIN")
    sender = connection.create_sender("/amq/queue/" + queue)
    plain = Message(body="text from AMQP 1.0")
    rich = Message(
        id="proton-1",
        body={"a": [1, 2.5, None], "b": ulong(2**64 - 1)},
        subject="subject",
        reply_to="somewhere",
        correlation_id=uuid.uuid4(),
        content_type="text/plain",
        durable=True,
        priority=5,
        ttl=600,
        creation_time=1767225600.0,
        group_id="group",
        properties={"text": "\u00fc", "int": 7, "big": ulong(2**63), "float": 1.5, "yes": True, "byte": ubyte(200)},
        annotations={symbol("x-note"): uint(3)},
    )
    for message in (plain, rich, Message(body=b"\x00\xff"), Message(body=None)):
        sender.send(message, timeout=10)
    connection.close()


if __name__ == "__main__":
    {"pika": with_pika, "proton": with_proton}[sys.argv[1]](sys.argv[2], sys.argv[3])

"""The Python side of a task queue, after the documented wire format of rabbitmq-mcp-task-queue 0.1.0.

    wire_peer.py decode             bodies in base64 from standard input, a line each; decoded ones as JSON lines
    wire_peer.py put URL TASK       messages as JSON lines from standard input into the task's queue
    wire_peer.py take URL TASK N    the next N messages of the task's queue, decoded, as JSON lines

Needs Python 3.7 or newer; put and take need pika as well.
"""

import base64
import json
import sys
import time
from datetime import datetime, timezone


def decode(body):
    """Reads a body by the rules of the package: its field names, its types, its way to read a time."""
    data = json.loads(body.decode("utf-8"))
    if data["type"] not in ("request", "notification"):
        raise ValueError("unknown type: " + repr(data["type"]))
    message = data["message"]
    if message["jsonrpc"] != "2.0" or not isinstance(message["method"], str):
        raise ValueError("no JSON-RPC message")
    if data["type"] == "request" and not isinstance(message["id"], (str, int)):
        raise ValueError("a request without an id")
    if message.get("params") is not None and not isinstance(message["params"], dict):
        raise ValueError("params is no object")
    queued_at = datetime.fromisoformat(data["timestamp"])
    if queued_at.tzinfo is None:
        queued_at = queued_at.replace(tzinfo=timezone.utc)
    return {
        "type": data["type"],
        "message": message,
        "queued_at_ms": round(queued_at.timestamp() * 1000),
        # Not get(): the field has to be there.
        "original_request_id": data["original_request_id"],
    }


def encode(kind, message, original_request_id):
    message = {"params": None, **message}
    return json.dumps(
        {
            "type": kind,
            "message": message,
            "timestamp": datetime.now(timezone.utc).isoformat(),
            "original_request_id": original_request_id,
        }
    ).encode("utf-8")


def open_queue(url, task_id):
    import pika

    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    queue = "mcp:queue:" + task_id
    # Without arguments: a queue that was declared with any is refused here with 406.
    channel.queue_declare(queue=queue, durable=True)
    return connection, channel, queue


def put(url, task_id):
    import pika

    connection, channel, queue = open_queue(url, task_id)
    for line in sys.stdin:
        given = json.loads(line)
        channel.basic_publish(
            exchange="",
            routing_key=queue,
            body=encode(given["type"], given["message"], given.get("original_request_id")),
            properties=pika.BasicProperties(delivery_mode=2),
        )
    connection.close()


def take(url, task_id, count):
    connection, channel, queue = open_queue(url, task_id)
    give_up_at = time.monotonic() + 20
    taken = 0
    while taken < count and time.monotonic() < give_up_at:
        method, _properties, body = channel.basic_get(queue=queue, auto_ack=False)
        if method is None:
            connection.sleep(0.01)
            continue
        print(json.dumps(decode(body)), flush=True)
        channel.basic_ack(delivery_tag=method.delivery_tag)
        taken += 1
    connection.close()


def main():
    command, *arguments = sys.argv[1:]
    if command == "decode":
        for line in sys.stdin:
            print(json.dumps(decode(base64.b64decode(line))))
    elif command == "put":
        put(*arguments)
    elif command == "take":
        url, task_id, count = arguments
        take(url, task_id, int(count))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()

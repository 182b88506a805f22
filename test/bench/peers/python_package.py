"""What the Python package rabbitmq-mcp-task-queue does for each operation, through pika.

It declares before each operation, publishes without a confirm, and gets with automatic acknowledgement; clear is
such gets until there is nothing. Reads lines `OPERATION QUEUE COUNT`, and answers each with the seconds it took.
"""

import json
import sys
import time

import pika

parameters = pika.URLParameters(sys.argv[1])
# It waits for its turn without a look at the connection.
parameters.heartbeat = 0
connection = pika.BlockingConnection(parameters)
channel = connection.channel()


def enqueue(queue, progress):
    body = {
        "type": "notification",
        "message": {
            "jsonrpc": "2.0",
            "method": "notifications/progress",
            "params": {
                "progressToken": "c1f7c3b2-5d0e-4f6a-9a57-3f1f6e0c2f11",
                "progress": progress,
                "total": 100000,
                "message": f"Looked at {progress} of 100000 files; nothing to complain about so far.",
            },
        },
        "timestamp": "2026-01-01T00:00:00.000000+00:00",
        "original_request_id": None,
    }
    channel.queue_declare(queue=queue, durable=True)
    channel.basic_publish(
        exchange="",
        routing_key=queue,
        body=json.dumps(body).encode(),
        properties=pika.BasicProperties(delivery_mode=2),
    )


def dequeue(queue):
    channel.queue_declare(queue=queue, durable=True)
    method, _, body = channel.basic_get(queue=queue, auto_ack=True)
    return None if method is None else json.loads(body)


def clear(queue):
    channel.queue_declare(queue=queue, durable=True)
    messages = []
    while True:
        method, _, body = channel.basic_get(queue=queue, auto_ack=True)
        if method is None:
            return messages
        messages.append(json.loads(body))


for line in sys.stdin:
    operation, queue, count = line.split()
    start = time.perf_counter()
    if operation == "enqueue":
        for number in range(int(count)):
            enqueue(queue, number)
    elif operation == "dequeue":
        for number in range(int(count)):
            assert dequeue(queue) is not None
    elif operation == "clear":
        assert len(clear(queue)) == int(count)
    print(time.perf_counter() - start, flush=True)

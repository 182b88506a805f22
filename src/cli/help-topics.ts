/** Texts of `mcp-taskq help <topic>`, beside the help of the commands. */
export const HELP_TOPICS: Readonly<Record<string, { summary: string; text: string }>> = {
  'exit-codes': {
    summary: 'what the exit status says',
    text: `The exit status says what came of a command:

    0  done
    1  failed
    2  unusable command line, input or setting; or a confirmation was needed
       and there is no terminal to ask on. Nothing was done.
    3  partly done; the message says how far
    4  refused by the broker: credentials, permission, vhost
    5  no such task queue
    6  nothing there: peek or dequeue of an empty queue, or no message matches
    7  broker or management API unreachable
    8  declined at the prompt
  124  --timeout elapsed
  130  Ctrl-C (SIGINT), after a clean stop; "watch" ends with 0
  143  SIGTERM, after a clean stop

"check" answers as monitoring plugins do: 0 ok, 1 warning, 2 critical,
3 unknown, also when the broker is unreachable.

dequeue --all of an empty queue is done (0) with no messages. The first signal
lets a command stop cleanly; the second one ends it at once.
`,
  },
  output: {
    summary: 'the forms of output, and the record of a message',
    text: `Data goes to stdout, everything else to stderr. The form is chosen with -o:

  auto   table on a terminal, jsonl elsewhere
  table  for people: a line a message, or a message in full
  jsonl  one JSON object a line
  json   one JSON document (also --json)
  raw    the bodies alone

A message is one object, its metadata first and its body as the broker keeps it:

  {"task_id": "…", "redelivered": false,
   "properties": {"content_type": …, "delivery_mode": 2, "headers": {…}, …},
   "body": {"type": …, "message": …, "timestamp": …, "original_request_id": …}}

A body that is not one line of JSON stands as "body_base64" instead. Properties
have their AMQP names. Of header values, byte arrays are
{"!": "bytes", "value": <base64>}, and others that JSON has not
{"!": "timestamp", "value": 1700000000} and the like. enqueue --from reads such
lines and sends the same bytes with the same properties.

A command that changes something answers with one object, such as
{"task_id": "…", "enqueued": 3}, {"task_id": "…", "removed": 3} or
{"from": "…", "to": "…", "moved": 3}.

What a pipe has taken counts as delivered: "dequeue --all | head -n 1" may
remove as much as fits into the pipe and into head, 64 KB each. Say how many
with -n instead.

On a terminal nothing in a message is obeyed: control characters and changes of
the writing direction are shown as \\u escapes.
`,
  },
  filters: {
    summary: 'expressions for --filter',
    text: `--filter takes an expression in CEL, the Common Expression Language
(https://cel.dev), that is true for the messages meant:

  type == "request"
  method.startsWith("elicitation/") && age > duration("5m")
  params.message.contains("delete") || size > 10000
  id == 7 && has(body.original_request_id)
  method in ["notifications/progress", "notifications/message"]
  properties.headers["x-team"] == "red" && !redelivered

It knows of a message:

  type         request, notification, response or error; ? if the body has none
  method, id   of the JSON-RPC message; "" and null if it has none
  params       of the JSON-RPC message
  age          since it was queued: compare with duration("90s")
  size         of the body in bytes
  redelivered  whether the broker has delivered it before
  task_id      of its task
  properties   by their AMQP names
  body         all of it, as JSON; a text if it is no JSON

A message without a field that the expression compares does not match.
`,
  },
};

/** At the end of the program's own help. */
export function topicList(): string {
  const lines = Object.entries(HELP_TOPICS).map(
    ([name, { summary }]) => `  help ${name.padEnd(12)} ${summary}`,
  );
  return `\nTopics:\n${lines.join('\n')}\n`;
}

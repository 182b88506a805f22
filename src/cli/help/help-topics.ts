import { inFlags } from '../hints.ts';

/** Texts of `mcp-taskq help <topic>`, beside the help of the commands. */
export const HELP_TOPICS: Readonly<
  Record<string, { summary: string; text: string | (() => Promise<string>) }>
> = {
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
  129  the terminal was closed (SIGHUP), after a clean stop
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

A body that is not one line of JSON is written as "body_base64" instead.
enqueue --from reads such records and sends the same bytes with the same
properties, except for what "help replay" lists. A record without "properties"
gets those of a new message; one with "properties": {} has none.

An object with "body" or "body_base64" is a record, unless it is a queued
message ("message" is an object) or JSON-RPC (it has "jsonrpc"), which may have
such a member of their own; an object that could be either is refused.

Properties keep their AMQP names. In headers, plain JSON stands for strings,
booleans, arrays, tables and null; a number is the smallest signed AMQP integer
that holds it (8 to 64 bits), or a double if it has a fraction. Other values
name their type:

  {"!": "int32", "value": 7}   also int16, int64, uint8, uint16, uint32,
                               float and double
  {"!": "int64", "value": "9007199254740993"}   a string beyond 2^53 - 1; also
                               longlong, the same with the type octet L
  {"!": "double", "value": "NaN"}   also Infinity, -Infinity and -0
  {"!": "timestamp", "value": 1700000000}
  {"!": "decimal", "value": {"places": 2, "digits": 314}}
  {"!": "bytes", "value": "AP8="}   a byte array, in base64
  {"!": "string_base64", "value": "/w=="}   a string that is not UTF-8, also as
                               a property
  {"!": "boolean", "value": 2}   a boolean that is neither 0 nor 1
  {"!": "table", "value": [["a", 1], ["a", 2]]}   keys that JSON would merge or
                               reorder

A timestamp property beyond 2^53 - 1 is {"!": "uint64", "value": "…"}. Where
none of this says all that a message has, as with 500 levels of nesting,
"properties_base64" holds the encoded properties and is what enqueue sends.

A command that changes something answers with one object, such as
{"task_id": "…", "enqueued": 3}, {"task_id": "…", "removed": 3} or
{"from": "…", "to": "…", "moved": 3}.

A file ends after a whole message, whatever ends the command, and holds exactly
the messages that were removed. After SIGKILL or a power failure, the same
command with --append continues it: it cuts off half a record at the end, and
does not write twice what is in the file and still in the queue.

What a pipe has taken counts as delivered: "dequeue --all | head -n 1" may
remove as much as fits into the pipe and into head, 64 KB each. Say how many
with -n instead.

On a terminal nothing in a message is obeyed: control characters and changes of
the writing direction are shown as \\u escapes.
`,
  },
  contexts: {
    summary: 'brokers that have names',
    text: `A context is a named set of connection options:

  mcp-taskq context set prod --url amqps://ops@mq.example.com/prod \\
    --tls-ca-file ca.pem --password-command 'pass show mq' --protected
  mcp-taskq ls --context prod      use it once
  mcp-taskq context use prod       select it for all commands
  mcp-taskq context use --none     select none

A setting is looked for on the command line, in the environment, in the
context, in this order; else it has its default. One broker counts as a whole:

  --context NAME   nothing in the environment about another broker counts
  --url URL        the selected context is left out, with all that it has
  MCP_TASKQ_URL, RABBITMQ_URL, AMQP_URL
                   come before MCP_TASKQ_CONTEXT and "context use", and a
                   warning says so

In a protected context dequeue, clear, mv and prune ask for its name first.
Where there is no terminal to ask on, use --yes together with --context NAME.

The file is $XDG_CONFIG_HOME/mcp-taskq/contexts.json (else in ~/.config), and
only you can read it:

  {"current": "prod", "contexts": {"prod": {"url": "amqps://…", …}}}

Settings: url, description, api_url, prefix, queue_type, password_file,
password_command, tls_ca_file, tls_cert_file, tls_key_file, tls_pass_file,
tls_server_name, insecure, connect_timeout, protected. Names of files are
relative to that folder. A password is only in it (password) after
"context set --store-password".
`,
  },
  monitoring: {
    summary: 'check, status and describe for programs',
    text: `"mcp-taskq check" compares the task queues with thresholds. A value at or above
one is a warning (exit status 1) or critical (2); what cannot be checked, as
when the broker is unreachable, is unknown (3).

  --depth-warn, --depth-critical            messages ready in one task
  --age-warn, --age-critical                age of the oldest message of a task
  --unconsumed-warn, --unconsumed-critical  tasks with messages, no consumers

  --format text         for Nagios, Icinga and the like
  --format json         one object: status, code, tasks, ready, unacked,
                        depth_max, deepest_task, oldest_age_seconds,
                        oldest_task, unconsumed, unknown_ages, uncounted,
                        thresholds, violations
  --format prometheus   gauges mcp_taskq_*; no label names a task

The numbers are RabbitMQ's statistics, up to 10 s old: reading them is no use of
a queue. Where a publisher set no AMQP timestamp, the age comes from a look at
the message, which ends the idle time of that queue (and renews a policy's
"expires"); --no-peek leaves it unknown.

"mcp-taskq status" answers 0 when all is well, 1 when something is wrong, 4 when
the broker refuses, 7 when it is unreachable. With --json: ok, problems, broker,
cluster, user, tags, permissions, alarms, publishing_blocked, api, tasks.

"mcp-taskq describe TASK --json": task_id, queue, ready, unacked,
consumer_count, consumers, type, state, node, members, online, arguments,
policy, operator_policy, effective_policy, body_bytes, idle_since, looked_at,
oldest, newest, by_type, missing, next. What is not known is null.
`,
  },
  replay: {
    summary: 'what changes in a message that is sent again',
    text: replayText,
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

A message on which the expression cannot be evaluated, as a field is missing or
has another type, does not match, and is counted on stderr. An expression that
can be evaluated on no message is a usage error (2): a bad pattern or duration,
an unknown variable, a property that AMQP does not have. Durations are those of
CEL, in h, m, s and ms: duration("24h"), not "1d".
`,
  },
};

async function replayText(): Promise<string> {
  const { REPLAY_RULES } = await import('../../index.ts');
  const rules = REPLAY_RULES.map(
    ({ property, action, reason }) => `  ${property}\n      ${inFlags(action)}\n      (${reason})\n`,
  );
  return `enqueue --from and mv send messages with the same bytes and properties, except
for those that would make the broker act a second time:

${rules.join('\n')}
All other properties and headers stay byte for byte. A command that changed any
says how many on stderr. Files keep messages as they were: the rules apply only
when a message is sent.
`;
}

/** At the end of the program's own help. */
export function topicList(): string {
  const lines = Object.entries(HELP_TOPICS).map(
    ([name, { summary }]) => `  help ${name.padEnd(12)} ${summary}`,
  );
  return `\nTopics:\n${lines.join('\n')}\n`;
}

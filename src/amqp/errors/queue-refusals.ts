import { ErrorCode } from '../../errors/task-queue-error.ts';
import { counted, type Outcome, type Refusal } from './outcome.ts';
import { quoted } from './rabbitmqctl-hints.ts';

/** For a reader whose messages the broker has taken back. */
export const CONSUMER_TIMEOUT_HINT =
  'Handle messages faster, or fetch fewer at once; consumer_timeout in rabbitmq.conf limits how long they may stay unacknowledged (default: 30 minutes).';

export const TOO_LARGE_HINT = 'Raise max_message_size in rabbitmq.conf, or send a reference instead.';

/** 404, 405, 406 and 540: about a queue or its messages. */
export const QUEUE_REFUSALS: readonly Refusal[] = [
  // rabbit_amqqueue absent: RabbitMQ answers 404 also for a queue that it has.
  {
    reply: 404,
    text: /NOT_FOUND - (?:home node|queue) '/,
    outcome: {
      code: ErrorCode.queueUnavailable,
      reason: 'the node that holds the queue is down, or the queue has crashed',
      hint: 'Its messages return with the node; "rabbitmqctl cluster_status" lists the running nodes.',
    },
  },
  // rabbit_misc not_found.
  {
    reply: 404,
    text: /NOT_FOUND - no exchange '(.*?)'/s,
    outcome: ([, exchange]) => ({
      code: ErrorCode.brokerError,
      reason: `there is no exchange ${JSON.stringify(exchange)}`,
    }),
  },
  { reply: 404, outcome: { code: ErrorCode.queueNotFound, reason: 'there is no such queue' } },
  {
    reply: 405,
    outcome: {
      code: ErrorCode.queueLocked,
      reason: 'the queue belongs exclusively to another connection',
      hint: 'It is deleted when that connection closes. This package never creates exclusive queues: another program did.',
    },
  },

  // rabbit_misc assert_args_equivalence1.
  {
    reply: 406,
    text: /inequivalent arg '([^']+)' for exchange '(.*?)'/s,
    outcome: ([, argument, exchange]) => ({
      code: ErrorCode.queueMismatch,
      reason: `the exchange ${JSON.stringify(exchange)} exists with a different ${argument}`,
      hint: 'Another program created it that way: delete it, or rename it there.',
      isComplete: true,
    }),
  },
  {
    reply: 406,
    text: /inequivalent arg '([^']+)'(.*)/s,
    outcome: ([, argument, rest]) => mismatch(argument, rest),
  },
  // rabbit_channel check_vhost_queue_limit; since 4.1 also of the whole cluster.
  {
    reply: 406,
    text: /queue limit in (?:vhost '(.*?)'|(?:the )?cluster) \((\d+)\) is reached|queue limit in cluster/s,
    outcome: ([, vhost, limit]) => ({
      code: ErrorCode.limitReached,
      reason: `the ${vhost === undefined ? 'cluster' : 'vhost'} has reached its limit${limit ? ` of ${counted(limit, 'queue')}` : ' of queues'}`,
      hint:
        vhost === undefined
          ? 'Delete queues, or raise cluster_queue_limit in rabbitmq.conf.'
          : `Delete queues, or raise the limit: rabbitmqctl set_vhost_limits -p ${quoted(vhost)} '{"max-queues": N}'.`,
    }),
  },
  // The same, cut off behind a long queue name.
  {
    reply: 406,
    text: /cannot declare queue '/,
    outcome: {
      code: ErrorCode.limitReached,
      reason: 'the queue limit is reached',
      hint: 'Delete queues, or raise the limit: "rabbitmqctl list_vhost_limits" shows it.',
    },
  },
  // rabbit_channel check_user_id_header.
  {
    reply: 406,
    text: /user_id property set to/,
    outcome: {
      code: ErrorCode.invalidMessage,
      reason: "the message has a user_id that is not the connection's user",
      hint: 'Leave user_id out, or give the user the tag "impersonator".',
    },
  },
  // rabbit_basic check_expiration / rabbit_channel.
  {
    reply: 406,
    text: /invalid expiration/,
    outcome: { code: ErrorCode.invalidMessage, reason: 'its expiration is not a number of milliseconds' },
  },
  // rabbit_basic is_message_persistent, before RabbitMQ 4, which takes any.
  {
    reply: 406,
    text: /delivery_mode_unknown/,
    outcome: { code: ErrorCode.invalidMessage, reason: 'its delivery_mode is neither 1 nor 2' },
  },
  // rabbit_channel check_msg_size.
  {
    reply: 406,
    text: /message size \d+ .*larger than/,
    outcome: {
      code: ErrorCode.messageTooLarge,
      reason: 'the message is larger than the broker accepts',
      hint: TOO_LARGE_HINT,
    },
  },
  // rabbit_channel evaluate_consumer_timeout, in 4.3 the queues' own: it says nothing of a queue.
  {
    reply: 406,
    text: /delivery acknowledgement on channel \d+ timed out/,
    outcome: {
      code: ErrorCode.connectionLost,
      reason: 'the broker took back messages that were unacknowledged for longer than it allows',
      hint: CONSUMER_TIMEOUT_HINT,
    },
  },
  // rabbit_stream_queue consume: what reads a classic queue does not ask a stream for anything.
  {
    reply: 406,
    text: /prefetch count is not set for/,
    outcome: {
      code: ErrorCode.unsupported,
      reason: 'the queue is a stream, which cannot be read like a queue',
    },
  },
  // rabbit_amqqueue check_declare_arguments.
  {
    reply: 406,
    text: /invalid arg '([^']+)'/,
    outcome: ([, argument]) => ({
      code: ErrorCode.queueMismatch,
      reason: `the broker does not accept the queue argument ${argument}`,
    }),
  },
  // queue.delete (class 50, method 40) with if-empty or if-unused; rabbit_channel.
  {
    reply: 406,
    text: /' (?:not empty|in use)|^/,
    outcome: (_, { classId, methodId, text }) =>
      (classId === 50 && methodId === 40) || /' (?:not empty|in use)/.test(text)
        ? { code: ErrorCode.queueInUse, reason: 'the queue is not empty, or it has a consumer' }
        : { code: ErrorCode.brokerError, reason: 'the state of the queue or channel does not allow it' },
  },
  {
    reply: 540,
    outcome: { code: ErrorCode.unsupported, reason: 'this type of queue does not support the operation' },
  },
];

/** What a queue that is there differs in, and what to do about that. */
function mismatch(argument = '', rest = ''): Outcome {
  const outcome = (reason: string, hint: string) => ({ code: ErrorCode.queueMismatch, reason, hint });
  if (argument !== 'x-queue-type') {
    return outcome(
      `the queue exists with a different ${argument} than requested`,
      'Another program created it that way. Publish with create: false, or delete the queue; limits and expiry belong in a policy, which never conflicts.',
    );
  }
  const current = /but current is (?:the value )?'?(\w+)/.exec(rest)?.[1];
  if (current === 'quorum') {
    return outcome('the queue is a quorum queue', 'Use queueType quorum to publish to it.');
  }
  const isKnown = current === 'none' || current === 'classic' || current === 'stream';
  return outcome(
    isKnown
      ? `the queue is a ${current === 'stream' ? 'stream' : 'classic queue'}`
      : 'the queue is of another type',
    'Leave queueType at its default for classic queues, set it to "quorum" for quorum queues; to change the type, delete the queue.',
  );
}

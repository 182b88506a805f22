import { expect, test } from 'vitest';
import { translateAmqpError } from '../../src/amqp/errors/amqp-errors.ts';

const closed = (code: number, text: string, more = {}) =>
  Object.assign(new Error(`Channel closed by server: ${code} (X) with message "${text}"`), { code, ...more });

/** As RabbitMQ has worded them. */
test.each([
  [
    closed(406, "PRECONDITION_FAILED - user_id property set to 'nobody' but authenticated user was 'guest'"),
    'INVALID_MESSAGE',
  ],
  [closed(406, "PRECONDITION_FAILED - invalid expiration 'soon': not_a_number"), 'INVALID_MESSAGE'],
  [closed(406, 'PRECONDITION_FAILED - invalid message: {delivery_mode_unknown,0}'), 'INVALID_MESSAGE'],
  [
    closed(406, 'PRECONDITION_FAILED - message size 20000000 is larger than configured max size 16777216'),
    'MESSAGE_TOO_LARGE',
  ],
  [
    closed(406, "PRECONDITION_FAILED - queue 'q' in vhost '/' not empty", { classId: 50, methodId: 40 }),
    'QUEUE_IN_USE',
  ],
  [
    closed(406, "PRECONDITION_FAILED - queue 'a very long name that is cut…", { classId: 50, methodId: 40 }),
    'QUEUE_IN_USE',
  ],
  [
    closed(406, 'PRECONDITION_FAILED - unknown delivery tag 7', { classId: 60, methodId: 80 }),
    'BROKER_ERROR',
  ],
  [
    closed(406, "PRECONDITION_FAILED - consumer prefetch count is not set for stream queue 'q' in vhost '/'"),
    'UNSUPPORTED',
  ],
  [closed(404, "NOT_FOUND - no queue 'q' in vhost '/'"), 'QUEUE_NOT_FOUND'],
  [closed(404, "NOT_FOUND - queue 'q' in vhost '/' process is stopped by supervisor"), 'QUEUE_UNAVAILABLE'],
  // Cut off, and a name that says something else.
  [closed(404, "NOT_FOUND - home node 'a@b' of durable queue 'a very long name…"), 'QUEUE_UNAVAILABLE'],
  [closed(404, "NOT_FOUND - no queue 'is down or inaccessible' in vhost '/'"), 'QUEUE_NOT_FOUND'],
  [closed(403, "ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use"), 'QUEUE_LOCKED'],
  [closed(403, "ACCESS_REFUSED - queue 'a very long name that is cut…"), 'QUEUE_LOCKED'],
  [
    closed(403, "ACCESS_REFUSED - access to queue 'in exclusive use' in vhost '/' refused for user 'u'"),
    'ACCESS_REFUSED',
  ],
  [
    closed(
      530,
      "NOT_ALLOWED - number of channels opened for user 'u' has reached the maximum allowed user limit of 1",
    ),
    'LIMIT_REACHED',
  ],
  [
    closed(530, "NOT_ALLOWED - access to vhost 'v' refused for user 'u': connection limit (9) is reached"),
    'LIMIT_REACHED',
  ],
  [
    closed(541, "INTERNAL_ERROR - access to vhost 'v' refused for user 'u': vhost 'v' is down"),
    'BROKER_ERROR',
  ],
  [closed(540, 'NOT_IMPLEMENTED - basic.get not supported by stream queues'), 'UNSUPPORTED'],
  [
    closed(320, "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'"),
    'CONNECTION_LOST',
  ],
  [Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }), 'CONNECTION_LOST'],
  [new Error('Something new'), 'BROKER_ERROR'],
])('%s means %s', (error, code) => {
  const failure = translateAmqpError(error);
  expect(failure).toMatchObject({ code, cause: error, message: expect.stringMatching(/^\S/) });
});

test('what is pasted from a hint is one word for a shell, whatever a vhost is called', () => {
  const text =
    "NOT_ALLOWED - access to vhost 'it; rm -rf' refused for user 'u': connection limit (9) is reached";
  expect(translateAmqpError(closed(530, text)).hint).toContain("-p 'it; rm -rf' ");
});

test('a refusal for which the backend gives a reason does not ask for permissions', () => {
  const text =
    "ACCESS_REFUSED - read access to queue 'q' in vhost '/' refused for user 'me', backend rabbit_auth_backend_oauth2 returned an error: \"Provided JWT token has expired at timestamp 1 (validated at 2)\"";
  expect(translateAmqpError(closed(403, text))).toMatchObject({
    code: 'ACCESS_REFUSED',
    message:
      'rabbit_auth_backend_oauth2 refuses the user "me": Provided JWT token has expired at timestamp 1 (validated at 2)',
    hint: expect.stringContaining('If the credentials have expired'),
  });
});

test('what a backend says over several lines is shown on one', () => {
  const text =
    "ACCESS_REFUSED - access to queue 'q' in vhost '/' refused for user 'me', backend rabbit_auth_backend_http returned an error: {500,\n                 ...";
  expect(translateAmqpError(closed(403, text)).message).toBe(
    'rabbit_auth_backend_http refuses the user "me": {500, ...',
  );
});

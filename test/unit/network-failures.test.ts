import { expect, test } from 'vitest';
import { translateConnectError } from '../../src/amqp/errors/amqp-errors.ts';
import { TaskQueueClient } from '../../src/index.ts';

test.each([
  ['EPERM', 'operation not permitted'],
  ['ENETDOWN', 'network is down'],
  ['ENOBUFS', 'no buffer space available'],
  ['EAFNOSUPPORT', 'address family not supported'],
  ['ERR_ACCESS_DENIED', 'does not allow network access'],
])(
  'what the system or Node says of a connection is not said to be an answer of the broker: %s',
  (code, text) => {
    const error = Object.assign(new Error(`connect ${code} 192.0.2.1:5672`), { code, syscall: 'connect' });
    expect(translateConnectError(error)).toMatchObject({
      code: 'CONNECTION_FAILED',
      message: expect.stringContaining(text),
    });
  },
);

test('nor is an address that cannot be used', async () => {
  // Link-local, without the interface.
  const client = new TaskQueueClient({ url: 'amqp://[fe80::1]', connectTimeoutMs: 1_000 });
  const error = await client.depth('x').catch((reason) => reason);
  await client.close();
  expect(error).toMatchObject({ code: 'CONNECTION_FAILED' });
  expect(error.message).not.toContain('answered');
});

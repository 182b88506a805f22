import { describe, expect, test } from 'vitest';
import {
  describeTaskQueue,
  findIdleTaskQueues,
  inspectBroker,
  listTaskQueues,
  RabbitMQTaskMessageQueue,
  TaskQueueClient,
  type TaskQueueOptions,
} from '../../src/index.ts';
import { aString, checkOptions } from '../../src/options/check-options.ts';
import { resolveOptions } from '../../src/options/task-queue-options.ts';

const invalid = (message: string | RegExp) =>
  expect.objectContaining({
    name: 'TaskQueueError',
    code: 'INVALID_ARGUMENT',
    message: expect.stringMatching(message),
  });

/** What a caller in JavaScript may write. */
const resolve = (options: unknown) => () => resolveOptions(options as TaskQueueOptions);

/** Would silently be a broker on this machine. */
test.each([
  [
    'a URL object',
    new URL('amqp://u:s3cret@rabbit.example'),
    /^Option url must be .*, not an object of type URL$/,
  ],
  ['a number', 5, /^Option url must be a string or an array of strings, not a number$/],
  ['true', true, /^Option url .* not a boolean$/],
  ['a buffer', new ArrayBuffer(1), /^Option url .* not an object of type ArrayBuffer$/],
  ['bytes', new Uint8Array(1), /^Option url .* not an object of type Uint8Array$/],
  ['a promise', Promise.resolve({}), /^Option url .* not an object of type Promise$/],
  ['an empty array', [], /^Option url is an empty list$/],
  ['a misspelt name', { urll: 'amqp://u:s3cret@h' }, /^Option urll is unknown: did you mean url\?$/],
])('%s in place of options is refused', (_, options, message) => {
  for (const construct of [
    resolve(options),
    () => new TaskQueueClient(options as TaskQueueOptions),
    () => new RabbitMQTaskMessageQueue(options as TaskQueueOptions),
  ]) {
    expect(construct).toThrow(invalid(message));
    expect(construct).not.toThrow('s3cret');
  }
});

test.each<[string, unknown, string]>([
  ['url', new URL('amqp://h'), 'must be a string or an array of strings, not an object of type URL'],
  ['url', ['amqp://h', 5], 'must be a string or an array of strings'],
  ['prefix', 5, 'must be at most 200 bytes'],
  ['tls', 'verify', 'must be a plain object, not a string'],
  ['queueType', 'Quorum', 'must be one of default, quorum'],
  ['connectionName', 5, 'must be a string, not a number'],
  ['connectTimeoutMs', '5000', 'must be a number from 1 to 2147483647, not a string'],
  ['reconnectTimeoutMs', 0, 'must be a number from 1 to 2147483647, not 0'],
  ['operationTimeoutMs', Number.POSITIVE_INFINITY, 'not Infinity'],
  ['confirmTimeoutMs', 5n, 'not a bigint'],
  ['retryUnconfirmedMs', Number.NaN, 'must be a number from 0 to 2147483647, not NaN'],
  ['retryUnconfirmedMs', '', 'not a string'],
  ['retryUnconfirmedMs', -1, 'not -1'],
  ['maxWaitingOperations', {}, 'not an object'],
  ['closeTimeoutMs', [], 'not an array'],
  ['heartbeatSeconds', 1.5, 'must be a whole number from 0 to 65535, not 1.5'],
  ['maxMessageBytes', Symbol('x'), 'not a symbol'],
  ['redeclareAfterMs', () => {}, 'not a function'],
  ['events', true, 'must be one of full, headers, off'],
  ['onStatus', 'x', 'must be a function, not a string'],
  ['onMalformed', 5, 'must be one of set-aside, throw'],
])('option %s is refused as %o', (name, value, problem) => {
  expect(resolve({ [name]: value })).toThrow(
    invalid(`^Option ${name} ${problem}|^Option ${name} .*${problem}`),
  );
});

test.each<[string, unknown, RegExp]>([
  ['ca', 5, /^Option tls.ca must be a string or a Buffer, not a number$/],
  ['ca', ['-----BEGIN'], /^Option tls.ca .* not an array$/],
  ['passphrase', 4711, /^Option tls.passphrase must be a string, not a number$/],
  ['serverName', true, /^Option tls.serverName /],
  ['verify', 'false', /^Option tls.verify must be true or false, not a string$/],
  ['servername', 'n', /^Option tls.servername is unknown: did you mean serverName\?$/],
])('option tls.%s is refused as %o', (name, value, message) => {
  expect(resolve({ tls: { [name]: value } })).toThrow(invalid(message));
});

test('null counts as left out, as undefined does', () => {
  const { onStatus, warn, ...expected } = resolveOptions();
  const names = [...Object.keys(expected), 'url', 'onStatus'];
  const nulls = Object.fromEntries(names.map((name) => [name, null]));
  for (const options of [null, {}, nulls, { tls: { ca: null, cert: null, key: null, verify: null } }])
    expect(resolve(options)()).toMatchObject(expected);
});

describe('an unknown option', () => {
  test.each([
    ['URL', 'url'],
    ['uri', 'url'],
    ['urls', 'url'],
    ['prefxi', 'prefix'],
    ['operationTimeout', 'operationTimeoutMs'],
    ['heartbeat', 'heartbeatSeconds'],
    ['onstatus', 'onStatus'],
  ])('%s is refused, as %s is meant', (name, meant) => {
    expect(resolve({ [name]: 'x' })).toThrow(
      invalid(`^Option ${name} is unknown: did you mean ${meant}\\?$`),
    );
  });

  test('is left alone where the similar one is given too, and where none is similar', () => {
    const wide = {
      url: 'amqp://rabbit.example',
      urls: 'x',
      uri: undefined,
      retries: 3,
      apiUrl: 'x',
      secret: 'y',
    };
    expect(resolve(wide)()).toMatchObject({ addresses: [{ host: 'rabbit.example' }] });
  });
});

test('options of a class may be defined by getters', () => {
  class Settings {
    get url() {
      return 'amqp://rabbit.example';
    }
  }
  expect(resolve(new Settings())()).toMatchObject({ addresses: [{ host: 'rabbit.example' }] });
});

test.each<[string, unknown, RegExp]>([
  ['apiUrl', new URL('http://h'), /^Option apiUrl must be a string, not an object of type URL$/],
  ['apiTimeoutMs', Number.NaN, /^Option apiTimeoutMs .* not NaN$/],
  ['signal', {}, /^Option signal must be an AbortSignal, not an object$/],
  ['url', 5, /^Option url /],
])('the management API refuses option %s as %o', async (name, value, message) => {
  const options = { [name]: value };
  for (const call of [
    () => listTaskQueues(options).next(),
    () => findIdleTaskQueues(options).next(),
    () => describeTaskQueue('task', options),
  ])
    await expect(call()).rejects.toThrow(invalid(message));
});

test.each<[string, unknown]>([
  ['glob', 5],
  ['source', 'count'],
  ['historyMs', Number.NaN],
])('listing refuses option %s as %o', async (name, value) => {
  await expect(listTaskQueues({ [name]: value }).next()).rejects.toThrow(invalid(`^Option ${name} must be `));
});

test('finding idle queues refuses an idle time that is not a number', async () => {
  const options = { idleMs: '5' } as unknown as { idleMs: number };
  await expect(findIdleTaskQueues(options).next()).rejects.toThrow(
    invalid('^Option idleMs must be a number'),
  );
});

test('inspecting a broker refuses what is not an URL', async () => {
  await expect(inspectBroker(5 as unknown as string)).rejects.toThrow(invalid('^Option url '));
});

test('options that a class gives by getters are kept, also those that are checked later', () => {
  class Given {
    get url() {
      return 'amqp://rabbit.example';
    }
    get prefix() {
      return 'p:';
    }
    helper() {}
  }
  expect(checkOptions(new Given(), { url: aString })).toEqual({ url: 'amqp://rabbit.example', prefix: 'p:' });
});

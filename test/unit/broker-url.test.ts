import { describe, expect, test } from 'vitest';
import { TaskQueueClient } from '../../src/index.ts';
import { describeAddress, parseBrokerUrl, redactUrl } from '../../src/options/broker-url.ts';
import { resolveOptions } from '../../src/options/task-queue-options.ts';
import { collectWarnings } from '../support/warnings.ts';

describe('a broker URL', () => {
  test('has the defaults of every AMQP client', () => {
    expect(parseBrokerUrl('amqp://localhost')).toMatchObject({
      protocol: 'amqp',
      host: 'localhost',
      port: 5672,
      username: undefined,
      password: undefined,
      vhost: '/',
    });
    expect(parseBrokerUrl('amqps://rabbit.example').port).toBe(5671);
    expect(parseBrokerUrl('amqp://').host).toBe('localhost');
  });

  test('decodes credentials and vhost as UTF-8', () => {
    expect(parseBrokerUrl('amqp://j%C3%BCrgen:p%40ss%2Fw%C3%B6rd@h:5673/a%2Fb?heartbeat=5')).toMatchObject({
      username: 'jürgen',
      password: 'p@ss/wörd',
      port: 5673,
      vhost: 'a/b',
      query: new Map([['heartbeat', '5']]),
    });
  });

  test('takes an IPv6 host', () => {
    const address = parseBrokerUrl('amqp://[::1]:5673/v');
    expect(address.host).toBe('::1');
    expect(describeAddress(address)).toBe('amqp://[::1]:5673/v');
  });

  test.each(['..', '.', '%2e%2E', '.%2e?heartbeat=5', 'a/..', 'a/../b', 'a/../../b', '../b', '.. '])(
    'refuses the path %s, which would be parsed as another vhost',
    (path) => {
      expect(() => parseBrokerUrl(`amqp://h/${path}`)).toThrow('has a part . or ..');
    },
  );

  test.each(['...', '.a', 'a..', '%2e.%2e', 'a%2f..'])('takes the vhost %s', (path) => {
    expect(parseBrokerUrl(` amqp://h/${path}?heartbeat=5\n`).vhost).toBe(decodeURIComponent(path));
  });

  test.each([
    ['http://u:s3cret@h', 'The broker URL http://… is unusable: it does not begin with amqp:// or amqps://'],
    ['u:s3cret@h', 'The broker URL is unusable: it does not begin with amqp://'],
    [`"amqp://u:s3cret@h"`, 'The broker URL is unusable: it is in quotes'],
    ['s3cret:5672', 'The broker URL is unusable'],
    ['', 'The broker URL is unusable'],
    ['amqp://u:very s3cret@h:port', 'amqp://… is unusable: amqp:// must be followed by'],
    ['amqp://u:s3cret@h:99999', 'must be followed by a host'],
    ['amqp://u:s3cret@h/a/b', 'more than one part'],
    ['amqp://u:s3cret@h/a\nb', 'it has a line break or tab'],
    ['amqp://u:s3\tcret@h', 'it has a line break or tab'],
    ['amqp://u:s3cret%FF@h', 'password has an invalid percent-encoding'],
    // A password that was not encoded, and whose beginning is a host and a port.
    ['amqp://u:4711/s3cret@h', 'it has an @ after a slash'],
    ['amqp://u:4711#s3cret@h', 'it has an @ after a slash'],
    ['amqp://u:4711?s3cret@h', 'it has an @ after a slash'],
    ['amqp://s3cret/@h', 'it has an @ after a slash'],
    ['amqp://u:s3/cr@et/s3cret@h', 'it has an @ after a slash'],
    ['amqp://s3cret:s3cret', 'amqp:// must be followed by'],
    ['amqp://u:p@h/v#s3cret', 'it has a #'],
    ['amqp://h?s3cret=1', 'an unknown parameter'],
    ['amqp://h?verfy=s3cret', 'unknown parameter: verfy'],
    ['amqp://h?verify=s3cret', 'parameter verify'],
    ['amqp://h?heartbeat=s3cret', 'parameter heartbeat'],
    ['amqp://h?heartbeat=65536', 'parameter heartbeat'],
    ['amqp://h?connection_timeout=0', 'parameter connection_timeout'],
    ['amqps://h?server_name_indication=disable', 'parameter server_name_indication'],
    ['amqp://h?connection_timeout=-1', 'parameter connection_timeout'],
    ['amqp://h?auth_mechanism=s3cret', 'parameter auth_mechanism'],
    ['amqp://h?cacertfile=s3cret', 'names a file in its parameter cacertfile'],
    ['amqp://u:p@h/v?password=x&s3cret', 'unknown parameter: (not a name)'],
  ])('%j is refused, and its password not repeated', (url, reason) => {
    const parse = () => parseBrokerUrl(url);
    expect(parse).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT', hint: expect.any(String) }));
    expect(parse).toThrow(reason);
    expect(parse).toThrow(expect.objectContaining({ message: expect.not.stringContaining('s3cret') }));
  });

  test("has RabbitMQ's parameters, which count where the options say nothing", () => {
    const url =
      'amqps://h/v?verify=verify_none&server_name_indication=n&password=p&auth_mechanism=EXTERNAL' +
      '&heartbeat=7&connection_timeout=1500&channel_max=99&retry_delay=3';
    expect(parseBrokerUrl(url).parameters).toEqual({
      verify: false,
      serverName: 'n',
      passphrase: 'p',
      isExternal: true,
      heartbeatSeconds: 7,
      connectTimeoutMs: 1500,
      channelMax: 99,
    });
    expect(resolveOptions(url)).toMatchObject({
      tls: { verify: false, serverName: 'n', passphrase: 'p' },
      heartbeatSeconds: 7,
      connectTimeoutMs: 1500,
    });
    expect(
      resolveOptions({ url, connectTimeoutMs: 9, heartbeatSeconds: 3, tls: { verify: true } }),
    ).toMatchObject({ tls: { verify: true, serverName: 'n' }, heartbeatSeconds: 3, connectTimeoutMs: 9 });
  });

  test('with parameters for other clients causes a single warning', () => {
    const { warnings, onStatus } = collectWarnings();
    const url = 'amqp://h/?connection_attempts=3&heartbeat=5&retry_delay=2';
    new TaskQueueClient({ url, onStatus });
    expect(warnings).toEqual([
      expect.objectContaining({
        message: expect.stringMatching(/are ignored: connection_attempts, retry_delay$/),
      }),
    ]);
  });

  test('of a second node may differ in host and credentials alone', () => {
    expect(resolveOptions({ url: ['amqp://a@one/v', 'amqp://b@two/v'] }).addresses).toHaveLength(2);
    for (const other of ['amqp://two', 'amqp://two/v?verify=verify_none']) {
      expect(() => resolveOptions({ url: ['amqp://one/v', other] })).toThrow('Option url is a list of URLs');
    }
  });

  test.each([
    ['amqp://u:s3cret@h/v', 'amqp://***@h/v'],
    ['see amqps://u:s3@cret@h and http://x:s3cret@y/', 'see amqps://***@h and http://***@y/'],
    ['amqp://u:s3/cret@h', 'amqp://***@h'],
    ['u:s3cret@h', '***@h'],
    ['amqp://h:5672/v', 'amqp://h:5672/v'],
    ['amqps://h/v?password=s3cret&verify=verify_peer', 'amqps://h/v?password=***&verify=verify_peer'],
  ])('%j is shown as %j', (text, shown) => {
    expect(redactUrl(text)).toBe(shown);
  });
});

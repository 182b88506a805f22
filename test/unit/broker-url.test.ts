import { describe, expect, test } from 'vitest';
import { describeAddress, parseBrokerUrl, redactUrl } from '../../src/broker-url.ts';

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

  test.each([
    ['http://u:s3cret@h', 'its scheme is http'],
    ['u:s3cret@h', 'its scheme is u'],
    ['amqp://u:very s3cret@h:port', 'not a URL'],
    ['amqp://u:s3cret@h:99999', 'not a URL'],
    ['amqp://u:s3cret@h/a/b', 'more than one part'],
    ['amqp://u:s3cret%FF@h', 'password has a %'],
    ['localhost:5672', 'its scheme is localhost'],
    ['', 'URL "" is unusable: it is not a URL'],
  ])('%j is refused, and its password not repeated', (url, reason) => {
    const parse = () => parseBrokerUrl(url);
    expect(parse).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    expect(parse).toThrow(reason);
    expect(parse).toThrow(expect.objectContaining({ message: expect.not.stringContaining('s3cret') }));
  });

  test.each([
    ['amqp://u:s3cret@h/v', 'amqp://***@h/v'],
    ['see amqps://u:s3@cret@h and http://x:s3cret@y/', 'see amqps://***@h and http://***@y/'],
    ['amqp://u:s3/cret@h', 'amqp://***@h'],
    ['u:s3cret@h', '***@h'],
    ['amqp://h:5672/v', 'amqp://h:5672/v'],
  ])('%j is shown as %j', (text, shown) => {
    expect(redactUrl(text)).toBe(shown);
  });
});

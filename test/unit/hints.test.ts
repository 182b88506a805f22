import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { propertiesTooLargeError, tooLargeError } from '../../src/amqp/publish/publish-errors.ts';
import { hintFor, inFlagsOf } from '../../src/cli/hints.ts';
import { keepUrlSource } from '../../src/cli/settings/broker-words.ts';
import type { Settings } from '../../src/cli/settings/settings.ts';
import { describeTarget } from '../../src/cli/settings/target.ts';
import { ErrorCode, TaskQueueError } from '../../src/index.ts';
import { parseBrokerUrl } from '../../src/options/broker-url.ts';

const hint = (code: ErrorCode, text: string, message = 'x') =>
  hintFor(new TaskQueueError(code, message, { hint: text }));

test('the hints of the library speak of flags on the command line', () => {
  expect(hint(ErrorCode.tlsFailed, 'Set tls.ca to it; tls.cert, tls.key.')).toBe(
    'Set --tls-ca-file to it; --tls-cert-file, --tls-key-file.',
  );
  expect(hint(ErrorCode.queueMismatch, 'Set queueType to "quorum".')).toBe('Set --queue-type to "quorum".');
  expect(hint(ErrorCode.noAnswer, 'It is slow. apiTimeoutMs sets how long to wait.')).toBe(
    'It is slow. "mcp-taskq status" shows what works.',
  );
  expect(hint(ErrorCode.queueNotFound, 'Leave out create: false.')).toBe('Leave out --no-create.');
  // What is too large may be the body or the headers.
  const tooLarge = [tooLargeError(2, 1), propertiesTooLargeError(2, 1)].map(hintFor);
  expect(tooLarge[0]).toBe('Raise max_message_size in rabbitmq.conf, or send a reference instead.');
  expect(tooLarge[1]).toBe('Shorten the headers, or raise frame_max in rabbitmq.conf.');
  expect(hint(ErrorCode.connectionFailed, 'Is it there?')).toMatch(/^Is it there\? "mcp-taskq broker"/);
  expect(inFlagsOf('Option tls.cert is given without tls.key')).toBe(
    'Option --tls-cert-file is given without --tls-key-file',
  );
  expect(inFlagsOf('Task "tls.ca" has no queue')).toBe('Task "tls.ca" has no queue');
});

/** Texts in the source of the library. */
function libraryTexts(): string[] {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && !file.startsWith('cli/'),
  );
  return files.flatMap((file) =>
    [...readFileSync(`src/${file}`, 'utf8').matchAll(/'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g)].map(
      ([text]) => text,
    ),
  );
}

test('no text of the library names a flag, and no hint on the command line an option', () => {
  const texts = libraryTexts();
  expect(texts.length).toBeGreaterThan(500);
  const isOfOtherProgram = (text: string) => /^.--(?:name|hostname|publish|volume|yes|no-install)/.test(text);
  expect(texts.filter((text) => /(?:^|[\s("'`])--[a-z]/.test(text) && !isOfOtherProgram(text))).toEqual([]);
  const options = /\b(?:tls\.\w+|[a-z]+(?:[A-Z][a-z]+)+)\b/;
  const hints = texts
    .map((text) => text.slice(1, -1).replace(/\$\{[^}]*\}/g, '…'))
    .filter((text) => /\s/.test(text) && options.test(text));
  expect(hints.length).toBeGreaterThan(5);
  const shown = hints.map((text) => hint(ErrorCode.brokerError, text) ?? '');
  expect(
    shown.filter((text) =>
      /\b(?:tls\.(?:ca|cert|key|passphrase)|[a-z]+(?:Ms|Bytes|Operations|Size|Url|Type|Expiration))\b/.test(
        text,
      ),
    ),
  ).toEqual([]);
});

test('a URL that is not understood brings the advice to keep the password elsewhere', () => {
  // Tests of settings leave theirs.
  keepUrlSource('default', false);
  expect(() => parseBrokerUrl('amqp://u:a/b@h')).toThrow(
    expect.toSatisfy((error) => hintFor(error)?.includes('--password-file') === true),
  );
  expect(() => parseBrokerUrl('localhost')).toThrow(
    expect.toSatisfy((error) => hintFor(error) === 'Use amqp://host:5672/vhost (amqps:// for TLS).'),
  );
  expect(hint(ErrorCode.invalidArgument, 'x', 'Option url is an empty list')).toBe('x');
});

test('durations of the library read like those of the command line', () => {
  expect(inFlagsOf('It did not answer within 10000 ms')).toBe('It did not answer within 10s');
  expect(inFlagsOf('It did not answer within 1500 ms')).toBe('It did not answer within 1500 ms');
});

test.each([
  [undefined, 'default', 'localhost:5672, vhost / (the default)'],
  [['amqp://u:secret@h/v'], '--url', 'h:5672, vhost v'],
  [
    ['amqps://u:secret@h', 'amqps://u:secret@i:1'],
    'RABBITMQ_URL',
    'h:5671, i:1, vhost / (from RABBITMQ_URL)',
  ],
  [['amqp://[::1]/a%20b'], 'context prod', '[::1]:5672, vhost "a b" (from context prod)'],
])('the target %j, named by %s, is shown as %j', (url, urlSource, shown) => {
  const settings = { connection: url === undefined ? {} : { url }, urlSource } as unknown as Settings;
  expect(describeTarget({ settings })).toBe(shown);
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { afterAll, describe, expect, test } from 'vitest';
import { withoutCredentials } from '../../src/cli/settings/broker-urls.ts';
import { addGlobalOptions } from '../../src/cli/settings/global-options.ts';
import { resolveSettings, type Settings } from '../../src/cli/settings/settings.ts';
import { redactUrl } from '../../src/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'mcp-taskq-settings-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** The settings of a command line in which `x` is the command. */
function settings(args: string[], environment: Record<string, string> = {}): Settings {
  let result: Settings | undefined;
  const program = new Command().enablePositionalOptions().exitOverride();
  const command = new Command('x').action((_options, self) => {
    // No contexts of the reader's.
    result = resolveSettings(self, { XDG_CONFIG_HOME: '/nonexistent', ...environment });
  });
  command.copyInheritedSettings(program).configureOutput({ writeErr: () => {} });
  addGlobalOptions(program);
  addGlobalOptions(command);
  program.addCommand(command).parse(args, { from: 'user' });
  return result as Settings;
}

describe('the settings', () => {
  test.each(['/a/..', '/%2e%2e', '/x/../b'])(
    'leave a URL with the path %s for the library to refuse',
    (path) => {
      const url = `amqp://ann@h${path}?cacertfile=${file('ca', 'x')}`;
      expect(settings(['x', '-u', url, '--password-file', file('word', 'pw')]).connection.url).toEqual([url]);
    },
  );

  test('leave every default to the library, and the size of messages to the broker', () => {
    expect(settings(['x'])).toEqual({
      connection: { tls: {}, maxMessageBytes: 512 * 1024 * 1024 },
      apiUrl: undefined,
      timeoutMs: undefined,
      output: 'auto',
      isWide: false,
      color: true,
      pager: true,
      urlSource: 'default',
      apiWarnings: [],
      warnings: [],
    });
  });

  test('are taken before and behind the name of the command', () => {
    expect(settings(['--url', 'amqp://a', '--no-color', 'x'])).toMatchObject({
      connection: { url: ['amqp://a'] },
      color: false,
    });
    expect(settings(['x', '--url', 'amqp://a', '--no-color'])).toMatchObject({
      connection: { url: ['amqp://a'] },
      color: false,
    });
  });

  test('come from the environment where the command line says nothing', () => {
    const environment = {
      MCP_TASKQ_URL: '',
      RABBITMQ_URL: 'amqp://r',
      AMQP_URL: 'amqp://a',
      MCP_TASKQ_TIMEOUT: '2s',
    };
    expect(settings(['x'], environment)).toMatchObject({
      connection: { url: ['amqp://r'] },
      timeoutMs: 2000,
    });
    expect(settings(['x', '-u', 'amqp://o'], environment).connection.url).toEqual(['amqp://o']);
    expect(() => settings(['x'], { MCP_TASKQ_TIMEOUT: 'soon' })).toThrow(/MCP_TASKQ_TIMEOUT is invalid/);
  });

  test('know the nodes of a cluster, also with a comma in a password', () => {
    const { connection } = settings(['x', '-u', 'amqp://u:a,b@one:1, amqps://two/v']);
    expect(connection.url).toEqual(['amqp://u:a,b@one:1', 'amqps://two/v']);
  });

  test('put the password of a file where a URL has none', () => {
    const password = file('password', 'p%ü@:/ x\nsecond line\n');
    const { connection, apiUrl } = settings(
      ['x', '-u', 'amqp://ann@one,amqp://two,amqp://bob:own@three', '--password-file', password].concat([
        '--api-url',
        'http://ann@api:15672',
      ]),
    );
    const encoded = encodeURIComponent('p%ü@:/ x');
    expect(connection.url).toEqual([
      `amqp://ann:${encoded}@one`,
      `amqp://guest:${encoded}@two`,
      'amqp://bob:own@three',
    ]);
    expect(apiUrl).toBe(`http://ann:${encoded}@api:15672/`);
  });

  test('of an explicit URL are not mixed with what the environment says of another broker', () => {
    const password = file('password-of-another', 'secret');
    const environment = {
      MCP_TASKQ_URL: 'amqp://ann@one:1/v',
      MCP_TASKQ_API_URL: 'http://one:15672',
      MCP_TASKQ_PASSWORD_FILE: password,
    };
    const own = settings(['x'], environment);
    // The API gets the credentials of the broker's URL: ann's, not guest's.
    expect(own).toMatchObject({ apiUrl: 'http://one:15672', urlSource: 'MCP_TASKQ_URL' });
    expect(own.connection.url).toEqual(['amqp://ann:secret@one:1/v']);
    // Another vhost of the same broker, or another user.
    const same = settings(['x', '-u', 'amqp://ann@one:1/w'], environment);
    expect(same).toMatchObject({ apiUrl: own.apiUrl, urlSource: '--url', warnings: [], apiWarnings: [] });
    const other = settings(['x', '-u', 'amqp://ann@two:1/v'], environment);
    expect(other).toMatchObject({ apiUrl: undefined, connection: { url: ['amqp://ann@two:1/v'] } });
    expect(other.warnings).toEqual([expect.stringContaining('so MCP_TASKQ_PASSWORD_FILE is not used')]);
    expect(other.apiWarnings).toEqual([expect.stringContaining('so MCP_TASKQ_API_URL is not used')]);
    const explicit = settings(['x', '-u', 'amqp://two', '--api-url', 'http://api'], environment);
    expect(explicit).toMatchObject({ apiUrl: 'http://api', apiWarnings: [] });
    // The default is a broker as well.
    const { MCP_TASKQ_API_URL } = environment;
    expect(settings(['x', '-u', 'amqp://two'], { MCP_TASKQ_API_URL }).apiUrl).toBeUndefined();
    expect(settings(['x', '-u', 'amqp://localhost/v'], { MCP_TASKQ_API_URL }).apiUrl).toBe(MCP_TASKQ_API_URL);
  });

  test('know what is in the files that a URL names', () => {
    const ca = file('url-ca.pem', 'CA');
    const { connection } = settings(['x', '-u', `amqps://h/v?cacertfile=${ca}&verify=verify_peer`]);
    expect(connection).toMatchObject({
      url: ['amqps://h/v?verify=verify_peer'],
      tls: { ca: Buffer.from('CA') },
    });
    const own = file('own.pem', 'OWN');
    expect(settings(['x', '-u', `amqps://h?cacertfile=${ca}`, '--tls-ca-file', own]).connection.tls).toEqual({
      ca: Buffer.from('OWN'),
    });
    expect(() => settings(['x', '-u', 'amqps://h?keyfile=/none'])).toThrow('keyfile in the broker URL');
  });

  test.each([
    ['\uFEFFsecret\r\n', 'secret'],
    ['secret  \n', 'secret'],
    [' in the middle \nsecond', ' in the middle'],
  ])('take %j for the password %j', (content, secret) => {
    const { connection } = settings(['x', '-u', 'amqp://ann@h', '--password-file', file('marked', content)]);
    expect(connection.url).toEqual([`amqp://ann:${encodeURIComponent(secret)}@h`]);
  });

  test('refuse a password file in UTF-16', () => {
    const path = file('utf-16', '');
    writeFileSync(path, Buffer.from('\uFEFFsecret', 'utf16le'));
    expect(() => settings(['x', '--password-file', path])).toThrow(/UTF-16/);
  });

  test('read TLS files, and name the one that cannot be read', () => {
    const ca = file('ca.pem', 'CA');
    expect(
      settings(['x', '--tls-ca-file', ca, '--tls-server-name', 'n', '--insecure']).connection.tls,
    ).toEqual({
      ca: Buffer.from('CA'),
      serverName: 'n',
      verify: false,
    });
    expect(() => settings(['x', '--tls-key-file', join(folder, 'none')])).toThrow(/none of --tls-key-file/);
  });

  test('warn of a password in the process list, but not of one that everybody knows', () => {
    expect(settings(['x', '-u', 'amqp://ann:secret@h']).warnings.join()).toContain('process list');
    expect(settings(['x', '-u', 'amqp://ann:secret@h']).warnings.join()).not.toContain('secret');
    expect(settings(['x', '-u', 'amqp://guest:guest@h']).warnings).toEqual([]);
    expect(settings(['x'], { MCP_TASKQ_URL: 'amqp://ann:secret@h' }).warnings).toEqual([]);
  });

  test.each([
    ['--timeout', '5'],
    ['--timeout', '-1s'],
    ['--timeout', '99d'],
    ['-o', 'xml'],
  ])('refuse %s %s', (option, value) => {
    expect(() => settings(['x', option, value])).toThrow(expect.objectContaining({ exitCode: 1 }));
  });
});

test.each([
  'mcp-taskq ls --url amqp://ops@h/v --prefix x:',
  'amqp://guest:guest@h/v',
  'amqps://a@one/v,amqps://b.c@two:5671/v',
])('an error shows %j, as it has no secret', (text) => {
  expect(withoutCredentials(text, redactUrl)).toBe(text);
});

test.each([
  'amqp://u:s3cret@h/v',
  'amqp://u@s3cret@h/v',
  'amqp://u@h,amqp://u:s3cret@h',
  'amqp://u%3As3cret@h',
  'amqp://u@h/?password=s3cret',
  'amqp://u/s3cret@h',
  'u:s3cret@h',
])('an error does not show the secret of %j', (text) => {
  expect(withoutCredentials(`The URL "${text}" and ${text}`, redactUrl)).not.toContain('s3cret');
});

import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { redactContext } from '../../src/cli/contexts/redact-context.ts';
import { chooseContext } from '../../src/cli/settings/chosen-context.ts';
import { changeContextFile, contextFilePath, readContextFile } from '../../src/cli/settings/context-file.ts';

let folder: string;
let environment: Record<string, string>;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mcp-taskq-contexts-'));
  environment = { XDG_CONFIG_HOME: folder };
});

afterEach(() => rmSync(folder, { recursive: true }));

function put(content: unknown, mode = 0o600): string {
  const path = contextFilePath(environment);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  chmodSync(path, mode);
  return path;
}

const PROD = {
  url: 'amqps://ops@prod/p',
  api_url: 'https://api.prod',
  prefix: 'p:',
  tls_ca_file: 'ca.pem',
  protected: true,
};
const DEV = { url: 'amqp://dev' };

describe('the configuration file', () => {
  test('is in the XDG folder, or in ~/.config where that is unset or relative', () => {
    expect(contextFilePath({ XDG_CONFIG_HOME: '/x' })).toBe('/x/mcp-taskq/contexts.json');
    expect(contextFilePath({ XDG_CONFIG_HOME: 'x', HOME: '/h' })).toBe('/h/.config/mcp-taskq/contexts.json');
    expect(contextFilePath({ HOME: '/h' })).toBe('/h/.config/mcp-taskq/contexts.json');
  });

  test('is empty when it is missing', () => {
    expect(readContextFile(environment)).toMatchObject({ current: undefined, contexts: new Map() });
  });

  test('is written for its owner alone, in one step, and through a symbolic link', async () => {
    const path = contextFilePath(environment);
    await changeContextFile(() => ({ current: 'dev', contexts: new Map([['dev', DEV]]) }), environment);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readContextFile(environment).contexts).toEqual(new Map([['dev', DEV]]));
    const elsewhere = join(folder, 'dotfiles.json');
    writeFileSync(elsewhere, readFileSync(path));
    rmSync(path);
    symlinkSync(elsewhere, path);
    await changeContextFile((file) => ({ ...file, current: undefined }), environment);
    expect(JSON.parse(readFileSync(elsewhere, 'utf8'))).toEqual({ contexts: { dev: DEV } });
  });

  test('is written through a symbolic link to a file that is still missing', async () => {
    const path = contextFilePath(environment);
    mkdirSync(dirname(path), { recursive: true });
    symlinkSync('dotfiles.json', path);
    await changeContextFile(() => ({ current: undefined, contexts: new Map([['dev', DEV]]) }), environment);
    expect(readlinkSync(path)).toBe('dotfiles.json');
    expect(JSON.parse(readFileSync(join(dirname(path), 'dotfiles.json'), 'utf8'))).toMatchObject({
      contexts: { dev: DEV },
    });
  });

  test('is changed by one process at a time, and keeps what the others changed', async () => {
    const add = (name: string) =>
      changeContextFile(
        ({ current, contexts }) => ({ current, contexts: new Map(contexts).set(name, DEV) }),
        environment,
      );
    const names = Array.from({ length: 20 }, (_, index) => `c${index}`);
    await Promise.all(names.map(add));
    expect([...readContextFile(environment).contexts.keys()].sort()).toEqual(names.sort());
  });

  test.each([
    ['', 0],
    [', before the clock was set back', 3_600_000],
  ])('is changed though a process died while it changed it%s', async (_when, aheadMs) => {
    const path = put({ contexts: {} });
    writeFileSync(`${path}.new`, '{');
    const diedAt = new Date(Date.now() + aheadMs);
    utimesSync(`${path}.new`, diedAt, diedAt);
    await changeContextFile(({ current }) => ({ current, contexts: new Map([['dev', DEV]]) }), environment);
    expect(readContextFile(environment).contexts).toEqual(new Map([['dev', DEV]]));
  });

  test.each([
    ['not JSON', '{"contexts": {"dev": {"url": "amqp://u:secret@h"}}', /is not JSON/],
    ['an unknown setting', { contexts: { dev: { ...DEV, protcted: true } } }, /unknown setting "protcted"/],
    [
      'a setting of the wrong type',
      { contexts: { dev: { ...DEV, protected: 'yes' } } },
      /protected must be true or false/,
    ],
    ['a context without a URL', { contexts: { dev: { prefix: 'x' } } }, /has no url/],
    ['a current context that is not there', { current: 'x', contexts: { dev: DEV } }, /"x" does not exist/],
    [
      'a duration that is none',
      { contexts: { dev: { ...DEV, connect_timeout: '5' } } },
      /must be a duration/,
    ],
    ['a list', [], /needs an object "contexts"/],
  ])('is refused with %s, without a word of what it holds', (_what, content, message) => {
    put(content);
    expect(() => readContextFile(environment)).toThrow(expect.objectContaining({ exitCode: 2 }));
    expect(() => readContextFile(environment)).toThrow(message);
    expect(() => readContextFile(environment)).not.toThrow(/secret/);
  });
});

describe('the context of a command line', () => {
  beforeEach(() => put({ current: 'dev', contexts: { dev: DEV, prod: PROD } }));

  test('is the one of --context, MCP_TASKQ_CONTEXT or "context use", in this order', () => {
    const both = { ...environment, MCP_TASKQ_CONTEXT: 'dev' };
    expect(chooseContext({ context: 'prod' }, both).context).toEqual({
      name: 'prod',
      source: '--context',
      isProtected: true,
    });
    expect(chooseContext({}, { ...environment, MCP_TASKQ_CONTEXT: 'prod' }).context).toMatchObject({
      name: 'prod',
      source: 'MCP_TASKQ_CONTEXT',
    });
    expect(chooseContext({}, environment)).toMatchObject({
      context: { name: 'dev', source: 'context use', isProtected: false },
      options: { url: 'amqp://dev' },
      warnings: [],
    });
  });

  test('gives files as seen from the configuration file', () => {
    expect(chooseContext({ context: 'prod' }, environment).options).toEqual({
      url: PROD.url,
      apiUrl: PROD.api_url,
      prefix: 'p:',
      tlsCaFile: join(folder, 'mcp-taskq', 'ca.pem'),
    });
  });

  test('with --context is not mixed with variables about another broker', () => {
    const others = {
      MCP_TASKQ_API_URL: 'http://other',
      MCP_TASKQ_URL: 'amqp://other',
      MCP_TASKQ_PREFIX: 'o:',
    };
    const layer = chooseContext({ context: 'dev' }, { ...environment, ...others, MCP_TASKQ_TIMEOUT: '5s' });
    expect(layer.environment).toEqual({ ...environment, MCP_TASKQ_TIMEOUT: '5s' });
    expect(layer.warnings).toEqual([]);
  });

  test('is left out, with all that belongs to it, for a broker of the command line or the environment', () => {
    expect(chooseContext({ url: 'amqp://x' }, environment)).toMatchObject({
      context: undefined,
      options: {},
    });
    const layer = chooseContext({}, { ...environment, AMQP_URL: 'amqp://x', MCP_TASKQ_CONTEXT: 'prod' });
    expect(layer).toMatchObject({ context: undefined, options: {} });
    expect(layer.warnings.join()).toMatch(/AMQP_URL is set, so context prod is not used/);
  });

  test('is not spoken of in the shell of a private broker', () => {
    const inside = { MCP_TASKQ_URL: 'amqp://x', MCP_TASKQ_PRIVATE_BROKER: 'amqp://x' };
    expect(chooseContext({}, { ...environment, ...inside })).toMatchObject({
      context: undefined,
      warnings: [],
    });
  });

  test('says which variables override single settings of it', () => {
    const layer = chooseContext({}, { ...environment, MCP_TASKQ_PREFIX: 'o:' });
    expect(layer.context?.name).toBe('dev');
    expect(layer.warnings).toEqual(['MCP_TASKQ_PREFIX in the environment overrides context dev.']);
  });

  test('must be there', () => {
    expect(() => chooseContext({ context: 'prd' }, environment)).toThrow('Unknown context "prd"');
    expect(() => chooseContext({ context: 'prd' }, environment)).toThrow(
      expect.objectContaining({ exitCode: 2, hint: 'Existing contexts: dev, prod.' }),
    );
    expect(() => chooseContext({}, { ...environment, MCP_TASKQ_CONTEXT: 'x' })).toThrow(/MCP_TASKQ_CONTEXT/);
  });

  test('is not looked for in a broken file when the command line names a broker', () => {
    put('{');
    expect(chooseContext({ url: 'amqp://x' }, environment).context).toBeUndefined();
    expect(() => chooseContext({}, environment)).toThrow(/is not JSON/);
  });
});

describe('the password of a context', () => {
  const password = (settings: object) => {
    put({ contexts: { c: { url: 'amqp://u@h', ...settings } } });
    return chooseContext({ context: 'c' }, environment).password();
  };

  test('is the first line that its command prints', () => {
    expect(password({ password_command: "printf 'p%%w d\\nmore\\n'" })).toBe('p%w d');
  });

  test.each([
    ['exit 3', /exited with 3/],
    ['true', /printed nothing/],
    ['echo secret; kill -9 $$', /was ended by SIGKILL/],
    ['no-such-program-here 2>/dev/null', /exited with 127/],
  ])('is refused for the command %s, without what it printed', (command, message) => {
    expect(() => password({ password_command: command })).toThrow(message);
    expect(() => password({ password_command: command })).toThrow(expect.objectContaining({ exitCode: 2 }));
  });

  test('comes from no command in a file that others may write to', () => {
    const path = put({ contexts: { c: { url: 'amqp://u@h', password_command: 'echo p' } } }, 0o666);
    expect(() => chooseContext({ context: 'c' }, environment).password()).toThrow(
      expect.objectContaining({ exitCode: 2, hint: `Check the file, then: chmod 600 ${path}` }),
    );
  });

  test('may be in the file, and others that may read that are warned about', () => {
    expect(password({ password: 'p' })).toBe('p');
    const path = put({ contexts: { c: { url: 'amqp://u@h', password: 'p' } } }, 0o644);
    expect(chooseContext({ context: 'c' }, environment).warnings).toEqual([
      `${path} contains a password and is readable by other users: chmod 600 ${path}`,
    ]);
  });

  test('is never shown', () => {
    const shown = JSON.stringify(
      redactContext({
        url: 'amqp://u:sec@ret@h,amqps://v:secret@two/x',
        api_url: 'http://u:se:cret@h',
        password: 'secret',
      }),
    );
    expect(shown).not.toMatch(/sec|ret@|cret/);
    expect(shown).toContain('amqps://v:***@two/x');
  });
});

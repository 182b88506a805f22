import { mkdtemp, rm } from 'node:fs/promises';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext, createServer, type Server } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listTaskQueues, TaskQueueClient, type TlsOptions } from '../../src/index.ts';
import { findServer } from '../../src/local-broker/find-server.ts';
import { findFreePort } from '../../src/local-broker/free-ports.ts';
import type { RunningBroker } from '../../src/local-broker/index.ts';
import { startPrivateBroker } from '../support/broker.ts';
import { Authority, type Certificate, hasOpenssl } from '../support/certificates.ts';
import { BIN, runCli } from '../support/cli.ts';
import { raw } from '../support/tasks.ts';
import { callApi } from '../support/vhost.ts';

/** For a key that is encrypted with another one; and so is the first line of any PEM file. */
const WRONG = 'wrong';

/** Out of a container the broker sees none of the files made here. */
const canRun = hasOpenssl() && (await findServer()) !== undefined;

describe.skipIf(!canRun)('a broker with TLS that asks for client certificates', () => {
  let folder: string;
  let broker: RunningBroker;
  let url: string;
  let apiUrl: string;
  /** In front of the broker, as a load balancer is, with a certificate that has expired. */
  let expired: Server;
  let expiredUrl: string;
  let ca: Authority;
  let other: Authority;
  let client: Certificate;
  /** By what is wrong with them. */
  let certificates: Record<'foreign' | 'old' | 'stranger' | 'encrypted', Certificate>;
  let good: TlsOptions;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mcp-taskq-test-'));
    ca = new Authority(folder, 'authority');
    other = new Authority(folder, 'other');
    client = ca.issue('mcp-client');
    certificates = {
      foreign: other.issue('mcp-client'),
      old: ca.issue('mcp-client', { days: -1 }),
      stranger: ca.issue('nobody-knows'),
      encrypted: encrypt(ca, client),
    };
    good = { ca: ca.cert, cert: client.cert, key: client.key };
    const own = ca.issue('broker', { altName: 'DNS:localhost' });
    const port = await findFreePort();
    const apiPort = await findFreePort();
    const files = (prefix: string) => [
      `${prefix}.cacertfile = ${ca.certFile}`,
      `${prefix}.certfile = ${own.certFile}`,
      `${prefix}.keyfile = ${own.keyFile}`,
    ];
    broker = await startPrivateBroker({
      management: true,
      plugins: ['rabbitmq_auth_mechanism_ssl'],
      config: [
        `listeners.ssl.1 = 127.0.0.1:${port}`,
        ...files('ssl_options'),
        'ssl_options.verify = verify_peer',
        'ssl_options.fail_if_no_peer_cert = true',
        'auth_mechanisms.1 = PLAIN',
        'auth_mechanisms.2 = EXTERNAL',
        'ssl_cert_login_from = common_name',
        'management.ssl.ip = 127.0.0.1',
        `management.ssl.port = ${apiPort}`,
        ...files('management.ssl'),
      ],
    });
    const permissions = { configure: '^mcp:', write: '.*', read: '.*' };
    await callApi('PUT', 'users/mcp-client', { password_hash: '', tags: '' }, broker.apiUrl);
    await callApi('PUT', 'permissions/%2F/mcp-client', permissions, broker.apiUrl);
    url = `amqps://localhost:${port}`;
    apiUrl = `https://localhost:${apiPort}`;
    const { cert, key } = ca.issue('balancer', { altName: 'DNS:localhost', days: -1 });
    expired = createServer({ cert, key }, (socket) => {
      socket.on('error', () => {});
      socket.pipe(connectTcp(broker.port, '127.0.0.1')).pipe(socket);
    });
    expired.on('tlsClientError', () => {});
    await new Promise<void>((resolve) => expired.listen(0, '127.0.0.1', resolve));
    expiredUrl = `amqps://localhost:${(expired.address() as { port: number }).port}`;
  });

  afterAll(async () => {
    expired?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const external = () => `${url}?auth_mechanism=external`;
  const byAddress = () => url.replace('localhost', '127.0.0.1');
  const goodArgs = () => [
    ...['--tls-ca-file', ca.certFile],
    ...['--tls-cert-file', client.certFile, '--tls-key-file', client.keyFile],
  ];
  const withKeyOf = ({ certFile, keyFile }: Certificate) => [
    ...['--tls-ca-file', ca.certFile],
    ...['--tls-cert-file', certFile, '--tls-key-file', keyFile],
  ];

  test.each<[what: string, url: () => string, tls: () => TlsOptions]>([
    ['with a client certificate and a password', () => url, () => good],
    ['by the name in its client certificate alone (EXTERNAL)', external, () => good],
    [
      'with an encrypted key and its passphrase',
      external,
      () => ({ ca: ca.cert, ...pairOf(certificates.encrypted), passphrase: 'open sesame' }),
    ],
    ['by an address, told the name', byAddress, () => ({ ...good, serverName: 'localhost' })],
    ['unverified, if it insists', byAddress, () => ({ ...pairOf(client), verify: false })],
  ])('serves a client that connects %s', async (_what, target, tls) => {
    const queues = new TaskQueueClient({ url: target(), tls: tls() });
    try {
      await queues.publish('tls', raw('{"n":1}'));
      const bodies: string[] = [];
      await queues.drain('tls', (batch) => void bodies.push(...batch.map(({ body }) => body.toString())));
      expect(bodies).toEqual(['{"n":1}']);
    } finally {
      await queues.close();
    }
  });

  test('knows who that is: EXTERNAL grants what the user of the certificate may do, and no more', async () => {
    const queues = new TaskQueueClient({ url: external(), tls: good, prefix: 'other:' });
    await expect(queues.publish('x', raw('{}'))).rejects.toMatchObject({ code: 'ACCESS_REFUSED' });
    await queues.close();
  });

  /** Each on the command line as well as in the library, where it can be said there. */
  const REFUSALS: [
    what: string,
    url: () => string,
    tls: () => TlsOptions,
    args: () => string[],
    code: string,
    status: number,
    says: string,
  ][] = [
    [
      'an authority that is not trusted',
      () => url,
      () => ({ ...good, ca: undefined as never }),
      () => ['--tls-cert-file', client.certFile, '--tls-key-file', client.keyFile],
      'TLS_FAILED',
      7,
      'not signed by a trusted authority',
    ],
    [
      'another authority',
      () => url,
      () => ({ ...good, ca: other.cert }),
      () => [...goodArgs(), '--tls-ca-file', other.certFile],
      'TLS_FAILED',
      7,
      'not signed by a trusted authority',
    ],
    [
      'another name',
      byAddress,
      () => good,
      goodArgs,
      'TLS_FAILED',
      7,
      'the certificate of the broker is for another name',
    ],
    [
      'a certificate of the broker that has expired',
      () => expiredUrl,
      () => good,
      goodArgs,
      'TLS_FAILED',
      7,
      'the certificate of the broker has expired',
    ],
    [
      'no client certificate',
      () => url,
      () => ({ ca: ca.cert }),
      () => ['--tls-ca-file', ca.certFile],
      'AUTHENTICATION_FAILED',
      4,
      'the broker asks for a client certificate',
    ],
    [
      'a client certificate of an authority that the broker does not know',
      () => url,
      () => ({ ca: ca.cert, ...pairOf(certificates.foreign) }),
      () => withKeyOf(certificates.foreign),
      'AUTHENTICATION_FAILED',
      4,
      'does not trust the authority of the client certificate',
    ],
    [
      'a client certificate that has expired',
      () => url,
      () => ({ ca: ca.cert, ...pairOf(certificates.old) }),
      () => withKeyOf(certificates.old),
      'AUTHENTICATION_FAILED',
      4,
      'the client certificate has expired',
    ],
    [
      'a name that is no user',
      external,
      () => ({ ca: ca.cert, ...pairOf(certificates.stranger) }),
      () => withKeyOf(certificates.stranger),
      'AUTHENTICATION_FAILED',
      4,
      'the broker refuses the name in the client certificate',
    ],
    [
      'a key whose passphrase is not given',
      () => url,
      () => ({ ca: ca.cert, ...pairOf(certificates.encrypted) }),
      () => withKeyOf(certificates.encrypted),
      'TLS_FAILED',
      7,
      'the passphrase of the client key is wrong or missing',
    ],
    [
      'a wrong passphrase',
      () => url,
      () => ({ ca: ca.cert, ...pairOf(certificates.encrypted), passphrase: WRONG }),
      // Any file will do whose first line is something else.
      () => [...withKeyOf(certificates.encrypted), '--tls-pass-file', ca.certFile],
      'TLS_FAILED',
      7,
      'the passphrase of the client key is wrong or missing',
    ],
    [
      'a key that is none',
      () => url,
      () => ({ ca: ca.cert, cert: client.cert, key: ca.cert }),
      () => [...goodArgs(), '--tls-key-file', ca.certFile],
      'TLS_FAILED',
      7,
      'the client certificate or its key is not PEM, or the passphrase is wrong',
    ],
    [
      'the key of another certificate',
      () => url,
      () => ({ ca: ca.cert, cert: client.cert, key: certificates.foreign.key }),
      () => [...goodArgs(), '--tls-key-file', certificates.foreign.keyFile],
      'TLS_FAILED',
      7,
      'the client certificate is for another key',
    ],
    [
      'a certificate without its key',
      () => url,
      () => ({ ca: ca.cert, cert: client.cert }),
      () => ['--tls-ca-file', ca.certFile, '--tls-cert-file', client.certFile],
      'INVALID_ARGUMENT',
      2,
      'is given without',
    ],
    [
      'an authority that is no PEM',
      () => url,
      () => ({ ...good, ca: 'nonsense' }),
      () => [...goodArgs(), '--tls-ca-file', BIN],
      'INVALID_ARGUMENT',
      2,
      'is not PEM',
    ],
    [
      'EXTERNAL on the port without TLS',
      () => `${broker.url}?auth_mechanism=external`,
      () => ({}),
      () => [],
      'AUTHENTICATION_FAILED',
      4,
      'does not offer this way to log in',
    ],
    [
      'amqp:// on the port with TLS',
      () => url.replace('amqps', 'amqp'),
      () => ({}),
      () => [],
      'CONNECTION_FAILED',
      7,
      'amqps:// to 5671',
    ],
  ];

  test.each(REFUSALS)(
    'the library reports the cause of: %s',
    async (_, target, tls, _args, code, _s, says) => {
      const open = async () => {
        const queues = new TaskQueueClient({ url: target(), tls: tls() });
        await queues.depth('x').finally(() => queues.close());
      };
      const error = await open().catch((reason) => reason);
      expect(error).toMatchObject({ code });
      expect(`${error.message} ${error.hint}`).toContain(says);
    },
  );

  test.each(REFUSALS)(
    'the command line reports the cause of: %s',
    async (_, target, _tls, args, _code, status, says) => {
      const result = await runCli(['peek', 'x', '-u', target(), ...args()]);
      expect(result.stderr).toContain(says);
      expect(result).toMatchObject({ status, stdout: '' });
      expect(result.stderr).toMatch(/^(warning: .*\n)?error: .*\n(hint: .*\n)?$/);
    },
  );

  test('the command line connects with all of it, also from the environment', async () => {
    const env = {
      MCP_TASKQ_URL: external(),
      MCP_TASKQ_TLS_CA_FILE: ca.certFile,
      MCP_TASKQ_TLS_CERT_FILE: client.certFile,
      MCP_TASKQ_TLS_KEY_FILE: client.keyFile,
    };
    const rpc = '{"jsonrpc":"2.0","method":"notifications/message"}';
    expect(await runCli(['enqueue', 'tls', rpc], { env })).toMatchObject({ status: 0, stderr: '' });
    const taken = await runCli(['dequeue', 'tls', '-u', external(), ...goodArgs()]);
    expect(taken).toMatchObject({ status: 0, stderr: '' });
    expect(JSON.parse(taken.stdout).body.message).toEqual(JSON.parse(rpc));
    const unverified = await runCli(['enqueue', 'tls', rpc, '--insecure', '-u', byAddress()], { env });
    expect(unverified).toMatchObject({
      status: 0,
      stderr: expect.stringContaining('anyone on the network path to the broker can read'),
    });
    expect((await runCli(['clear', 'tls', '--yes'], { env })).status).toBe(0);
  });

  test('the management API is verified as well', async () => {
    const list = async (tls: TlsOptions) => {
      for await (const _ of listTaskQueues({ url: broker.url, apiUrl, tls }));
    };
    await list({ ca: ca.cert });
    await expect(list({})).rejects.toMatchObject({
      code: 'TLS_FAILED',
      message: expect.stringContaining('not signed by a trusted authority'),
    });
    const args = ['ls', '-u', broker.url, '--api-url', apiUrl];
    expect((await runCli([...args, '--tls-ca-file', ca.certFile])).status).toBe(0);
    const refused = await runCli(args);
    expect(refused).toMatchObject({ status: 7, stdout: '' });
    expect(refused.stderr).toContain('--tls-ca-file');
  });
});

/**
 * The key encrypted so that OpenSSL notices the wrong passphrases of these tests. It does so by the padding, which is
 * right by chance once in a few hundred keys: then it decrypts garbage, and says that this is no key.
 */
function encrypt(authority: Authority, certificate: Certificate): Certificate {
  const encrypted = authority.encrypt(certificate, 'open sesame');
  const isNoticed = (passphrase: string) => {
    try {
      createSecureContext({ ...pairOf(encrypted), passphrase });
      return false;
    } catch (error) {
      return String((error as NodeJS.ErrnoException).code).includes('BAD_DECRYPT');
    }
  };
  const firstLine = authority.cert.toString().split('\n', 1)[0] as string;
  return [WRONG, firstLine].every(isNoticed) ? encrypted : encrypt(authority, certificate);
}

function pairOf({ cert, key }: Certificate): TlsOptions {
  return { cert, key };
}

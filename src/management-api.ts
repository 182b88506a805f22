import * as http from 'node:http';
import * as https from 'node:https';
import { type BrokerAddress, redactUrl } from './broker-url.ts';
import { ErrorCode, TaskQueueError } from './errors.ts';
import { resolveOptions, type TaskQueueOptions, type TlsOptions } from './options.ts';

/** The broker, and where its management API is. */
export interface ManagementApiOptions extends TaskQueueOptions {
  /**
   * Of RabbitMQ's management plugin. Default: the hosts of the broker's URLs, tried in turn, port 15672, or
   * 15671 with TLS.
   * Credentials in it come before those of the broker's URL.
   */
  apiUrl?: string | undefined;
  /** For one answer. Milliseconds, default 30,000. */
  apiTimeoutMs?: number;
}

const HINT =
  'Is the management plugin on (rabbitmq-plugins enable rabbitmq_management) and --api-url right? "ls --ids" works without it.';

/**
 * RabbitMQ's management HTTP API, https://www.rabbitmq.com/docs/http-api-reference: the only way to learn
 * which queues there are. Node's own client is used, as fetch takes no certificates.
 */
export class ManagementApi {
  /** The one that answered last comes first. */
  #bases: readonly URL[];
  readonly #authorization: string;
  readonly #agents: { 'http:': http.Agent; 'https:': https.Agent };
  readonly #timeoutMs: number;
  readonly vhost: string;

  /** @throws TaskQueueError `INVALID_ARGUMENT` */
  constructor(options: ManagementApiOptions = {}) {
    const { addresses, tls } = resolveOptions(options);
    const [address] = addresses;
    const bases = (options.apiUrl === undefined ? addresses : [address]).map((each) =>
      baseUrl(options.apiUrl, each),
    );
    const [{ username, password }] = bases as [URL];
    this.vhost = address.vhost;
    this.#timeoutMs = options.apiTimeoutMs ?? 30_000;
    const [user, secret] = username
      ? [decode(username), decode(password)]
      : [address.username ?? 'guest', address.password ?? 'guest'];
    this.#authorization = `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`;
    for (const base of bases) {
      base.username = '';
      base.password = '';
    }
    this.#bases = bases;
    this.#agents = {
      'http:': new http.Agent({ keepAlive: true }),
      'https:': new https.Agent({ keepAlive: true, ...tlsOptions(tls) }),
    };
  }

  /**
   * The JSON that answers a GET.
   * @param path below `/api/`, its parts percent-encoded
   * @throws TaskQueueError `API_UNAVAILABLE`, `AUTHENTICATION_FAILED`, `ACCESS_REFUSED`, `VHOST_NOT_FOUND`
   * (404), `TIMEOUT`
   */
  async get<T>(path: string, query: Record<string, string | number | boolean> = {}): Promise<T> {
    let unreachable: unknown;
    // Any node of a cluster tells the same.
    for (const base of this.#bases) {
      const url = new URL(`api/${path}`, base);
      for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
      let response: { status: number; body: string };
      try {
        response = await this.#request(url);
      } catch (error) {
        unreachable ??= error;
        continue;
      }
      this.#bases = [base, ...this.#bases.filter((other) => other !== base)];
      const answer = parseJson(response.body);
      if (response.status === 200 && answer !== undefined) return answer as T;
      throw this.#refusal(base, response.status, answer);
    }
    throw unreachable;
  }

  close(): void {
    this.#agents['http:'].destroy();
    this.#agents['https:'].destroy();
  }

  #request(url: URL): Promise<{ status: number; body: string }> {
    const isTls = url.protocol === 'https:';
    const { request } = isTls ? https : http;
    const agent = this.#agents[isTls ? 'https:' : 'http:'];
    return new Promise((resolve, reject) => {
      const giveUp = setTimeout(() => outgoing.destroy(new Error('timeout')), this.#timeoutMs);
      const fail = (cause: Error) => {
        clearTimeout(giveUp);
        reject(cause.message === 'timeout' ? this.#timeoutError(url) : this.#unreachable(url, cause));
      };
      const headers = { authorization: this.#authorization, accept: 'application/json' };
      const outgoing = request(url, { agent, headers }, (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', fail);
        incoming.on('end', () => {
          clearTimeout(giveUp);
          resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(chunks).toString() });
        });
      });
      outgoing.on('error', fail);
      outgoing.end();
    });
  }

  #refusal(base: URL, status: number, answer: unknown): TaskQueueError {
    const { reason } = (answer ?? {}) as { reason?: unknown };
    const said = typeof reason === 'string' ? ` (${redactUrl(reason)})` : '';
    const at = `The management API at ${base.origin}`;
    if (answer === undefined) {
      return new TaskQueueError(
        ErrorCode.apiUnavailable,
        `${at} answered ${status} and no JSON: something else listens there`,
        { hint: HINT },
      );
    }
    switch (status) {
      case 401:
        // "Login failed" for wrong credentials, "Not management user" for a user without the tag.
        return /not management/i.test(said)
          ? new TaskQueueError(ErrorCode.accessRefused, `${at} refuses the user${said}`, {
              hint: 'Give the user the tag "management": rabbitmqctl set_user_tags USER management.',
            })
          : new TaskQueueError(
              ErrorCode.authenticationFailed,
              `${at} refuses the user name or password${said}`,
              {
                hint: 'Check the credentials in the broker URL or in --api-url.',
              },
            );
      case 403:
        return new TaskQueueError(ErrorCode.accessRefused, `${at} refuses access${said}`, {
          hint: `The user needs permissions on the vhost ${JSON.stringify(this.vhost)}.`,
        });
      case 404:
        return new TaskQueueError(
          ErrorCode.vhostNotFound,
          `${at} knows no vhost ${JSON.stringify(this.vhost)}${said}`,
          { hint: 'The vhost is the path of the broker URL.' },
        );
      default:
        return new TaskQueueError(ErrorCode.apiUnavailable, `${at} answered ${status}${said}`, {
          hint: status >= 500 ? 'The broker is starting, stopping or overloaded; its log says more.' : HINT,
        });
    }
  }

  #timeoutError({ origin }: URL): TaskQueueError {
    return new TaskQueueError(
      ErrorCode.timeout,
      `The management API at ${origin} did not answer within ${this.#timeoutMs} ms`,
      { hint: 'The broker may be overloaded; "ls --ids" asks over AMQP instead.' },
    );
  }

  #unreachable({ origin }: URL, cause: Error & { code?: string }): TaskQueueError {
    const isTls = /^ERR_(SSL|TLS)|CERT|SELF_SIGNED|UNABLE_TO/.test(cause.code ?? '');
    return new TaskQueueError(
      isTls ? ErrorCode.tlsFailed : ErrorCode.apiUnavailable,
      `Cannot reach the management API at ${origin}: ${cause.code ?? cause.message}`,
      { cause, hint: isTls ? 'Name the authority of its certificate with --tls-ca-file.' : HINT },
    );
  }
}

function baseUrl(given: string | undefined, { protocol, host }: BrokerAddress): URL {
  const [scheme, port] = protocol === 'amqps' ? ['https', 15671] : ['http', 15672];
  const text = given ?? `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
  const isUrl = /^https?:\/\//i.test(text) && URL.canParse(text);
  if (!isUrl) {
    throw new TaskQueueError(
      ErrorCode.invalidArgument,
      `The management API URL ${redactUrl(text)} is unusable: it is no http or https URL`,
      { hint: 'It reads http://host:15672; the credentials of the broker URL are used.' },
    );
  }
  const url = new URL(text);
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new TaskQueueError(
      ErrorCode.invalidArgument,
      'The credentials in the management API URL have a % that encodes no UTF-8',
      { hint: 'Percent-encode special characters: %25 for the % itself.' },
    );
  }
}

function tlsOptions({ ca, cert, key, passphrase, serverName, verify }: TlsOptions): https.AgentOptions {
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(passphrase !== undefined && { passphrase }),
    ...(serverName !== undefined && { servername: serverName }),
    ...(verify !== undefined && { rejectUnauthorized: verify }),
  };
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

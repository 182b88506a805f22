import * as http from 'node:http';
import * as https from 'node:https';
import { pipeline, type Readable } from 'node:stream';
import { withDeadline } from '../errors/deadline.ts';
import { ErrorCode, hasCode, TaskQueueError } from '../errors/task-queue-error.ts';
import { aSignal, aString, type Checks, checkOptions, positive } from '../options/check-options.ts';
import { resolveOptions, type TaskQueueOptions } from '../options/task-queue-options.ts';
import { jsonItems, NoArrayError } from './json-items.ts';
import { managementApiAddress } from './management-api-address.ts';
import {
  brokenAnswer,
  noAnswer,
  noConnection,
  notList,
  notRabbitMQ,
  refusal,
  unreachable,
} from './management-api-errors.ts';

/** The broker, and where its management API is. */
export interface ManagementApiOptions extends TaskQueueOptions {
  /**
   * URL of RabbitMQ's management API. Default: the hosts of the broker's URLs, tried in turn, port 15672, or 15671 with
   * TLS. Credentials in it take precedence over those of the broker's URL. A trailing `/api` is ignored.
   */
  apiUrl?: string | undefined;
  /** Deadline for an answer to begin, and for all of it to arrive. Milliseconds, default 60,000. */
  apiTimeoutMs?: number | undefined;
  /** Aborts requests in flight. */
  signal?: AbortSignal | undefined;
}

const CHECKS: Checks<Omit<ManagementApiOptions, keyof TaskQueueOptions>> = {
  apiUrl: aString,
  apiTimeoutMs: positive,
  signal: aSignal,
};

const OVERVIEW_MS = 10_000;

/** Answers up to this size (about 50,000 queues) are parsed at once, which takes a third of the time. */
const SHORT_BYTES = 8 * 1024 * 1024;

/** RabbitMQ gives no longer answer that is not a list of queues. */
const MOST_BYTES = 64 * 1024 * 1024;

/** Chunk size for an answer parsed at once, so that the reader can process some items before the rest. */
const ITEMS_AT_ONCE = 500;

type Query = Record<string, string | number | boolean>;

/**
 * RabbitMQ's management HTTP API, https://www.rabbitmq.com/docs/http-api-reference: the only way to list queues. Uses
 * Node's HTTP client, as fetch does not accept client certificates.
 */
export class ManagementApi {
  /** The node that answered last comes first. */
  #bases: readonly URL[];
  readonly #authorization: string;
  readonly #agents: { 'http:': http.Agent; 'https:': https.Agent };
  readonly #timeoutMs: number;
  readonly #connectTimeoutMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly vhost: string;
  /** The queue-name prefix. */
  readonly prefix: string;
  /** How far the clock of the broker that answered last is ahead of this machine's, in milliseconds; 0 if not by minutes. */
  clockAheadMs = 0;

  /** @throws TaskQueueError `INVALID_ARGUMENT` */
  constructor(given?: ManagementApiOptions) {
    const options = checkOptions(given, CHECKS);
    const resolved = resolveOptions(options);
    const { bases, authorization, tls } = managementApiAddress(resolved, options.apiUrl);
    this.vhost = resolved.addresses[0].vhost;
    this.prefix = resolved.prefix;
    this.#timeoutMs = options.apiTimeoutMs ?? 60_000;
    this.#connectTimeoutMs = resolved.connectTimeoutMs;
    this.#signal = options.signal;
    this.#authorization = authorization;
    this.#bases = bases;
    this.#agents = {
      'http:': new http.Agent({ keepAlive: true }),
      'https:': new https.Agent({ keepAlive: true, ...tls }),
    };
  }

  /**
   * The JSON object or array that answers a GET.
   * @param path below `/api/`, its parts percent-encoded
   * @throws TaskQueueError `API_UNAVAILABLE`, `AUTHENTICATION_FAILED`, `ACCESS_REFUSED`, `VHOST_NOT_FOUND`
   * (404), `TLS_FAILED`, `NO_ANSWER`, `TARGET_MISMATCH` if it is not RabbitMQ that answers
   */
  async get<T>(path: string, query: Query = {}): Promise<T> {
    const { base, response } = await this.#ask(path, query);
    return (await this.#json(base, path, response)) as T;
  }

  /** The user whose credentials the API received. Throws like {@link get}. */
  async whoAmI(): Promise<{ name: string; tags: string[] }> {
    const { name, tags } = await this.get<{ name?: unknown; tags?: unknown }>('whoami');
    if (typeof name !== 'string') throw notRabbitMQ(this.base);
    // A list since RabbitMQ 3.9; a comma-separated string before that.
    const all = Array.isArray(tags) ? tags.map(String) : String(tags ?? '').split(',');
    return { name, tags: all.filter((tag) => tag !== '') };
  }

  /** The same as {@link get}; `undefined` if there is no such thing (404). */
  async find<T>(path: string, query?: Query): Promise<T | undefined> {
    try {
      return await this.get<T>(path, query);
    } catch (error) {
      if (hasCode(error, ErrorCode.vhostNotFound)) return undefined;
      throw error;
    }
  }

  /** The items of the JSON array that answers a GET, in chunks as they arrive. Throws like {@link get}. */
  async *items<T>(path: string, query: Query = {}): AsyncGenerator<T[], void, undefined> {
    const { base, response } = await this.#ask(path, query);
    const isShort = !isPacked(response) && Number(response.headers['content-length']) <= SHORT_BYTES;
    // A proxy's page is not a list: read all of it to describe it.
    const isPage = /^text\//.test(response.headers['content-type'] ?? '');
    if (response.statusCode !== 200 || isShort || isPage) {
      const all = await this.#json(base, path, response);
      if (!Array.isArray(all)) throw notList(base);
      for (let index = 0; index < all.length; index += ITEMS_AT_ONCE)
        yield all.slice(index, index + ITEMS_AT_ONCE);
      return;
    }
    try {
      yield* jsonItems<T>(this.#chunks(base, response, this.#timeoutMs));
    } catch (error) {
      if (error instanceof NoArrayError) throw notList(base);
      throw error instanceof SyntaxError ? brokenAnswer(base, error) : error;
    } finally {
      response.destroy();
    }
  }

  /** The address that answered last. */
  get base(): URL {
    return this.#bases[0] as URL;
  }

  /** Also aborts requests in flight. */
  close(): void {
    this.#agents['http:'].destroy();
    this.#agents['https:'].destroy();
  }

  /** All nodes of a cluster give the same answer: tries them in turn until one begins to answer. */
  async #ask(path: string, query: Query): Promise<{ base: URL; response: http.IncomingMessage }> {
    let failure: unknown;
    for (const base of this.#bases) {
      const url = new URL(`api/${path}`, base);
      for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
      try {
        const response = await this.#request(url, this.#timeoutFor(path));
        this.clockAheadMs = clockAhead(response);
        this.#bases = [base, ...this.#bases.filter((other) => other !== base)];
        return { base, response };
      } catch (error) {
        this.#signal?.throwIfAborted();
        failure ??= error;
      }
    }
    throw failure;
  }

  /** A broker that works answers `overview` at once, so that one that is stuck, or stopped, is reported soon. */
  #timeoutFor(path: string): number {
    return path === 'overview' ? Math.min(this.#timeoutMs, OVERVIEW_MS) : this.#timeoutMs;
  }

  #request(url: URL, timeoutMs: number): Promise<http.IncomingMessage> {
    const isTls = url.protocol === 'https:';
    const { request } = isTls ? https : http;
    const agent = this.#agents[isTls ? 'https:' : 'http:'];
    const headers = {
      authorization: this.#authorization,
      accept: 'application/json',
      // Some proxies still pack.
      'accept-encoding': 'identity',
    };
    return new Promise((resolve, reject) => {
      const outgoing = request(url, { agent, headers, ...(this.#signal && { signal: this.#signal }) });
      const fail = (error: unknown) => {
        clearTimeout(giveUp);
        clearTimeout(unconnected);
        reject(error);
        outgoing.destroy();
      };
      const giveUp = setTimeout(() => fail(noAnswer(url, timeoutMs, timeoutMs < this.#timeoutMs)), timeoutMs);
      let unconnected: NodeJS.Timeout | undefined;
      outgoing.on('socket', (socket) => {
        if (!socket.connecting) return;
        const ms = this.#connectTimeoutMs;
        unconnected = setTimeout(() => fail(noConnection(url, ms)), ms);
        socket.once(isTls ? 'secureConnect' : 'connect', () => clearTimeout(unconnected));
      });
      outgoing.on('error', (cause) => fail(unreachable(url, cause)));
      outgoing.on('response', (response) => {
        clearTimeout(giveUp);
        resolve(response);
      });
      outgoing.end();
    });
  }

  async #json(base: URL, path: string, response: http.IncomingMessage): Promise<unknown> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of this.#chunks(base, response, this.#timeoutFor(path))) {
      bytes += chunk.length;
      if (bytes > MOST_BYTES) {
        response.destroy();
        throw notRabbitMQ(base);
      }
      chunks.push(chunk);
    }
    const status = response.statusCode ?? 0;
    const answer = parseJson(Buffer.concat(chunks).toString());
    if (status === 200 && typeof answer === 'object' && answer !== null) return answer;
    if (status === 200 && answer !== undefined) throw notRabbitMQ(base);
    throw refusal(base, { vhost: this.vhost, path, status, answer, location: response.headers.location });
  }

  /** The deadline covers all waiting for the broker, but not the reader's own processing. */
  async *#chunks(
    base: URL,
    response: http.IncomingMessage,
    timeoutMs: number,
  ): AsyncGenerator<Buffer, void, undefined> {
    const body = isPacked(response) ? await unpacked(response) : response;
    const chunks = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    const tooLate = () => noAnswer(base, timeoutMs, timeoutMs < this.#timeoutMs);
    let leftMs = timeoutMs;
    let result: IteratorResult<Buffer>;
    do {
      const waitingSince = performance.now();
      try {
        result = await withDeadline(chunks.next(), leftMs, tooLate);
      } catch (error) {
        response.destroy();
        this.#signal?.throwIfAborted();
        throw error instanceof TaskQueueError ? error : brokenAnswer(base, error as Error);
      } finally {
        leftMs -= performance.now() - waitingSince;
      }
      if (!result.done) yield result.value;
    } while (!result.done);
  }
}

function isPacked({ headers }: http.IncomingMessage): boolean {
  return /^(x-)?gzip$/i.test(headers['content-encoding'] ?? '');
}

/** A smaller difference may be the time that the answer took. */
const NOTABLE_MS = 60_000;

function clockAhead({ headers: { date = '' } }: http.IncomingMessage): number {
  const ms = Date.parse(date) - Date.now();
  return Math.abs(ms) >= NOTABLE_MS ? ms : 0;
}

async function unpacked(response: http.IncomingMessage): Promise<Readable> {
  const { createGunzip } = await import('node:zlib');
  return pipeline(response, createGunzip(), () => {});
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

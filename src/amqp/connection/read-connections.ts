import { settledWithin } from '../../errors/deadline.ts';
import { ErrorCode, hasCode } from '../../errors/task-queue-error.ts';
import type { ResolvedOptions } from '../../options/task-queue-options.ts';
import type { ChannelLease } from './channel-lease.ts';
import { ChannelPool } from './channel-pool.ts';
import type { BrokerConnection } from './connection.ts';

/** Short operations that may be under way at the same time on one connection, each on a channel of its own. */
const REQUEST_CHANNELS = 16;
/** Messages held while somebody handles them, which may take long and must not keep others from reading. */
const HOLD_CHANNELS = 256;
/** Requests in the middle of other work, while that holds a channel. */
const PROBE_CHANNELS = 2;

/** Beyond these, readings share the one that is used least. */
const MOST_CONNECTIONS = 16;

/** How long a further connection stays open for the next reading: opening one takes about ten milliseconds. */
const LINGER_MS = 2_000;

/** How long readings share after the broker allowed no other connection. */
const REFUSED_MS = 10_000;

/**
 * `request`: an answer of the broker. `probe`: the same in the middle of other work, for which no connection is opened.
 * `hold`: messages that are held, a few of them or for as long as it takes to copy them. `bulk`: many messages, while a
 * handler of the caller's takes its time.
 */
export type ReadingKind = 'request' | 'probe' | 'hold' | 'bulk';

interface Reading {
  connection: BrokerConnection;
  pools: { [kind in ReadingKind]: ChannelPool };
  /** Operations under way. */
  uses: number;
  /** How many of them are in bulk. */
  bulks: number;
  /** It is being closed, or the broker does not allow it: for no other operation. */
  isOver: boolean;
  lingering: NodeJS.Timeout | undefined;
}

/**
 * The connections for reading: one, and more while a handler has its hands full of large messages. Nothing is read from its
 * connection meanwhile (`read-gate.ts`), so whatever else came on that would wait for the handler: forever, if the
 * handler waits for it. So a reading in bulk is alone on a connection, but for requests: they are answered behind what has
 * been sent by then, and go elsewhere only while that is more than should be in memory. Further connections are closed when
 * they are not used, and at once where the broker allows no other. Where none can be opened, readings share.
 */
export class ReadConnections {
  readonly #open: () => BrokerConnection;
  readonly #options: ResolvedOptions;
  #readings: Reading[] = [];
  #refusedAt = Number.NEGATIVE_INFINITY;
  readonly first: BrokerConnection;

  /** @param open another connection; it connects when it is needed */
  constructor(open: () => BrokerConnection, options: ResolvedOptions) {
    this.#open = open;
    this.#options = options;
    this.first = this.#add().connection;
  }

  get all(): readonly BrokerConnection[] {
    return this.#readings.map(({ connection }) => connection);
  }

  /** Closes the further connections that are not used. @returns whether there were any */
  async makeRoom(): Promise<boolean> {
    const idle = this.#readings.filter(({ connection, uses }) => connection !== this.first && uses === 0);
    await Promise.all(idle.map((reading) => this.#end(reading)));
    return idle.length > 0;
  }

  /** Lends a channel to `work`, as {@link ChannelPool.use} does. */
  async use<T>(kind: ReadingKind, work: (lease: ChannelLease) => Promise<T>): Promise<T> {
    const reading = await this.#enter(kind);
    try {
      return await reading.pools[kind].use(work);
    } finally {
      this.#count(reading, kind, -1);
    }
  }

  async close(): Promise<void> {
    const pools = this.#readings.flatMap(({ pools }) => Object.values(pools));
    await Promise.all(pools.map((pool) => pool.close()));
  }

  /** @param mayAdd whether to open a further connection; where that is not possible, one is shared */
  async #enter(kind: ReadingKind, mayAdd = kind !== 'probe'): Promise<Reading> {
    const reading = this.#choose(kind, mayAdd);
    // At once, so that nobody else comes in between.
    this.#count(reading, kind, 1);
    if (reading.connection === this.first) return reading;
    try {
      await reading.connection.open({ isPatient: false });
      return reading;
    } catch (error) {
      reading.isOver = true;
      // The user may not have more connections, for now.
      if (hasCode(error, ErrorCode.limitReached)) this.#refusedAt = performance.now();
      this.#count(reading, kind, -1);
      if (hasCode(error, ErrorCode.closed)) throw error;
      return this.#enter(kind, false);
    }
  }

  #choose(kind: ReadingKind, mayAdd: boolean): Reading {
    const usable = this.#readings.filter(({ isOver }) => !isOver);
    const isFree = ({ connection, uses, bulks }: Reading) => {
      if (kind === 'bulk') return uses === 0;
      return kind === 'hold' ? bulks === 0 : !connection.isHeldUp;
    };
    const free = usable.find(isFree);
    if (free !== undefined) return free;
    if (kind === 'probe') return usable[0] as Reading;
    const isRefused = performance.now() - this.#refusedAt < REFUSED_MS;
    if (mayAdd && !isRefused && usable.length < MOST_CONNECTIONS) return this.#add();
    return usable.reduce((least, each) => (each.uses < least.uses ? each : least));
  }

  #add(): Reading {
    const connection = this.#open();
    const poolOf = (most: number, share: number) => new ChannelPool(connection, this.#options, most, share);
    // The rest is for those that hold messages, each of which may open another channel.
    const holds = poolOf(HOLD_CHANNELS, 1 / 4);
    const pools = {
      request: poolOf(REQUEST_CHANNELS, 1 / 4),
      probe: poolOf(PROBE_CHANNELS, 1 / 8),
      hold: holds,
      bulk: holds,
    };
    const reading = { connection, pools, uses: 0, bulks: 0, isOver: false, lingering: undefined };
    this.#readings.push(reading);
    return reading;
  }

  #count(reading: Reading, kind: ReadingKind, change: 1 | -1): void {
    reading.uses += change;
    if (kind === 'bulk') reading.bulks += change;
    clearTimeout(reading.lingering);
    if (reading.uses > 0 || reading.connection === this.first) return;
    reading.lingering = setTimeout(() => this.#end(reading), reading.isOver ? 0 : LINGER_MS);
    reading.lingering.unref();
  }

  /** Never rejects. It is among the others until it is closed, so that closing all of them waits for it. */
  async #end(reading: Reading): Promise<void> {
    clearTimeout(reading.lingering);
    reading.isOver = true;
    const { operationTimeoutMs } = this.#options;
    const closed = Promise.all(Object.values(reading.pools).map((pool) => pool.close()));
    await settledWithin(closed, operationTimeoutMs);
    await reading.connection.close();
    this.#readings = this.#readings.filter((each) => each !== reading);
  }
}

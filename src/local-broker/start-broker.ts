import { onAbort } from '../concurrency/on-abort.ts';
import { withResolvers } from '../concurrency/with-resolvers.ts';
import { guarded } from '../errors/guarded-callback.ts';
import { ErrorCode, isTaskQueueError, TaskQueueError } from '../errors/task-queue-error.ts';
import { checkOptions } from '../options/check-options.ts';
import { awaitReady } from './await-ready.ts';
import type { BrokerNode, NodePorts } from './broker-node.ts';
import { BROKER_CHECKS, type BrokerOptions, type RunningBroker } from './broker-options.ts';
import { chooseNode } from './choose-node.ts';
import { claimPort, findFreePort } from './free-ports.ts';
import { readKnownPorts, writeKnownPorts } from './known-ports.ts';
import { startFailed } from './start-failed.ts';
import { Watchdog } from './watchdog.ts';

const START_TIMEOUT_MS = 180_000;

/**
 * Starts a private RabbitMQ: an installed one, else one in a container, else one that is installed for it
 * when the caller agrees. Resolves when it takes connections.
 *
 * It ends with this process, however that ends, `kill -9` included, and leaves nothing behind but a `dataDir`
 * that was given. Until then it keeps this process running, as any server does.
 *
 * @throws TaskQueueError `BROKER_START_FAILED` saying what failed and what to do, `INVALID_ARGUMENT`; the
 * reason of `signal` when that is aborted. Nothing is left behind then either.
 */
export async function startBroker(given?: BrokerOptions): Promise<RunningBroker> {
  const checked = checkOptions(given, BROKER_CHECKS);
  const options = { ...checked, onProgress: guarded(checked.onProgress ?? (() => {})) };
  options.signal?.throwIfAborted();
  if (process.platform === 'win32') {
    throw startFailed('A private RabbitMQ cannot be started on Windows', {
      hint: 'Start RabbitMQ yourself, or use WSL.',
    });
  }
  const ports = await choosePorts(options);
  const watchdog = new Watchdog();
  try {
    const node = await chooseNode(options, ports, watchdog);
    const broker = await PrivateBroker.start(node, ports, watchdog, options);
    if (options.dataDir !== undefined) await writeKnownPorts(options.dataDir, ports);
    return broker;
  } catch (error) {
    await watchdog.cleanUp();
    options.signal?.throwIfAborted();
    throw error;
  }
}

async function choosePorts(options: BrokerOptions): Promise<NodePorts> {
  const { port, apiPort, management = apiPort !== undefined, dataDir } = options;
  if (port !== undefined && port === apiPort) {
    throw new TaskQueueError(
      ErrorCode.invalidArgument,
      `AMQP and the management API cannot share port ${port}`,
    );
  }
  const known = dataDir === undefined ? {} : await readKnownPorts(dataDir);
  const choose = async (given: number | undefined, before: number | undefined) => {
    const wanted = given ?? before;
    if (wanted === undefined) return findFreePort();
    const problem = await claimPort(wanted);
    if (problem === undefined) return wanted;
    if (given !== undefined) throw portError(given, problem);
    const found = await findFreePort();
    options.onProgress?.(`The previous port ${before} is in use; using ${found}`);
    return found;
  };
  const amqp = await choose(port, known.amqp === apiPort ? undefined : known.amqp);
  return {
    amqp,
    api: management ? await choose(apiPort, known.api === amqp ? undefined : known.api) : undefined,
  };
}

function portError(port: number, problem: NodeJS.ErrnoException): TaskQueueError {
  const why = problem.code === 'EADDRINUSE' ? 'is in use already' : `cannot be used: ${problem.message}`;
  return startFailed(`Port ${port} of 127.0.0.1 ${why}`, {
    cause: problem,
    hint: 'Choose another port, or omit it to use a free one.',
  });
}

class PrivateBroker implements RunningBroker {
  readonly url: string;
  readonly apiUrl: string | undefined;
  readonly port: number;
  readonly apiPort: number | undefined;
  readonly runtime: BrokerNode['runtime'];
  readonly exited: Promise<Error | undefined>;
  readonly #node: BrokerNode;
  readonly #ports: NodePorts;
  readonly #watchdog: Watchdog;
  readonly #startTimeoutMs: number;
  readonly #stopping = new AbortController();
  readonly #settleExited: (error: Error | undefined) => void;
  #version = 'unknown';
  /** Kill and restart, one after the other. */
  #lastStep: Promise<void> = Promise.resolve();
  #stopped: Promise<void> | undefined;
  /** Whether the node is expected to end. */
  #endExpected = true;

  private constructor(node: BrokerNode, ports: NodePorts, watchdog: Watchdog, startTimeoutMs: number) {
    this.#node = node;
    this.#ports = ports;
    this.#watchdog = watchdog;
    this.#startTimeoutMs = startTimeoutMs;
    this.runtime = node.runtime;
    this.port = ports.amqp;
    this.apiPort = ports.api;
    this.url = `amqp://127.0.0.1:${ports.amqp}`;
    this.apiUrl = ports.api === undefined ? undefined : `http://127.0.0.1:${ports.api}`;
    const { promise, resolve } = withResolvers<Error | undefined>();
    this.exited = promise;
    this.#settleExited = resolve;
  }

  static async start(
    node: BrokerNode,
    ports: NodePorts,
    watchdog: Watchdog,
    { startTimeoutMs = START_TIMEOUT_MS, signal, onProgress }: BrokerOptions,
  ): Promise<PrivateBroker> {
    const broker = new PrivateBroker(node, ports, watchdog, startTimeoutMs);
    onProgress?.(`Starting ${node.description}`);
    const begun = performance.now();
    await broker.#launch(signal);
    const seconds = ((performance.now() - begun) / 1000).toFixed(1);
    onProgress?.(`RabbitMQ ${broker.version} is ready on ${broker.url} after ${seconds} s`);
    return broker;
  }

  get version(): string {
    return this.#version;
  }

  kill(): Promise<void> {
    return this.#step(async () => {
      this.#endExpected = true;
      await this.#node.kill();
    });
  }

  restart(): Promise<void> {
    return this.#step(async () => {
      this.#endExpected = true;
      await this.#node.shutDown();
      await this.#launch(this.#stopping.signal);
    });
  }

  ctl(...args: string[]): Promise<string> {
    return this.#node.ctl(args);
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#end();
    return this.#stopped;
  }

  async #end(): Promise<void> {
    this.#endExpected = true;
    this.#stopping.abort(new TaskQueueError(ErrorCode.closed, 'The private RabbitMQ was stopped'));
    await this.#lastStep;
    if (this.#node.keepsData) await this.#node.shutDown();
    await this.#watchdog.cleanUp();
    this.#settleExited(undefined);
  }

  #step(work: () => Promise<void>): Promise<void> {
    const step = this.#lastStep.then(() => {
      this.#stopping.signal.throwIfAborted();
      return work();
    });
    this.#lastStep = step.catch(() => {});
    return step;
  }

  /** Starts the node and waits until it is ready, ends, times out, or the caller aborts. */
  async #launch(callerSignal: AbortSignal | undefined): Promise<void> {
    const giveUp = new AbortController();
    const timer = setTimeout(
      () => giveUp.abort(new Error(`it was not ready after ${this.#startTimeoutMs} ms`)),
      this.#startTimeoutMs,
    );
    const stopListening = onAbort(callerSignal, () => giveUp.abort());
    if (callerSignal?.aborted) giveUp.abort();
    try {
      const { ended } = await this.#node.start(giveUp.signal);
      ended.then((how) => {
        giveUp.abort(new Error(`it ended with ${how}`));
        if (!this.#endExpected) {
          this.#settleExited(startFailed(`The private RabbitMQ exited unexpectedly with ${how}`));
        }
      });
      this.#version = await awaitReady(this.#ports, giveUp.signal);
      this.#endExpected = false;
    } catch (error) {
      if (isTaskQueueError(error)) throw error;
      const cause: Error = giveUp.signal.reason ?? error;
      throw startFailed(`RabbitMQ did not start: ${cause.message}`, {
        cause,
        log: await this.#node.logExcerpt(),
        hint: 'The log says what was wrong; if nothing was, the machine may be under load and need more time.',
      });
    } finally {
      clearTimeout(timer);
      stopListening();
    }
  }
}

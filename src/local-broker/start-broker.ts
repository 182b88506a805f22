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
    const broker = await runBroker(node, ports, watchdog, options);
    if (options.dataDir !== undefined) await writeKnownPorts(options.dataDir, ports);
    return broker;
  } catch (error) {
    await watchdog.cleanUp();
    options.signal?.throwIfAborted();
    if (!(error instanceof Error && 'syscall' in error)) throw error;
    throw startFailed(`A private RabbitMQ cannot write its files: ${error.message}`, {
      cause: error,
      hint: 'They are in the data folder, or else in the folder for temporary files, which TMPDIR sets.',
    });
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

async function runBroker(
  node: BrokerNode,
  ports: NodePorts,
  watchdog: Watchdog,
  { startTimeoutMs = START_TIMEOUT_MS, signal, onProgress }: BrokerOptions,
): Promise<RunningBroker> {
  const url = `amqp://127.0.0.1:${ports.amqp}`;
  const exited = withResolvers<Error | undefined>();
  const stopping = new AbortController();
  let version = 'unknown';
  let isEndExpected = true;
  /** Kill and restart, one after the other. */
  let lastStep: Promise<void> = Promise.resolve();
  let stopped: Promise<void> | undefined;

  const start = async (giveUp: AbortSignal | undefined) => {
    const ready = await startNode(node, ports, startTimeoutMs, giveUp);
    version = ready.version;
    isEndExpected = false;
    ready.ended.then((how) => {
      if (!isEndExpected) exited.resolve(startFailed(`The private RabbitMQ exited unexpectedly with ${how}`));
    });
  };
  const step = (work: () => Promise<void>) => {
    const done = lastStep.then(() => {
      stopping.signal.throwIfAborted();
      isEndExpected = true;
      return work();
    });
    lastStep = done.catch(() => {});
    return done;
  };
  const stop = async () => {
    isEndExpected = true;
    stopping.abort(new TaskQueueError(ErrorCode.closed, 'The private RabbitMQ was stopped'));
    await lastStep;
    if (node.keepsData) await node.shutDown();
    await watchdog.cleanUp();
    exited.resolve(undefined);
  };

  onProgress?.(`Starting ${node.description}`);
  const begun = performance.now();
  await start(signal);
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  onProgress?.(`RabbitMQ ${version} is ready on ${url} after ${seconds} s`);
  return {
    url,
    apiUrl: ports.api === undefined ? undefined : `http://127.0.0.1:${ports.api}`,
    port: ports.amqp,
    apiPort: ports.api,
    get version() {
      return version;
    },
    runtime: node.runtime,
    exited: exited.promise,
    kill: () => step(() => node.kill()),
    restart: () =>
      step(async () => {
        await node.shutDown();
        await start(stopping.signal);
      }),
    ctl: (...args) => node.ctl(args),
    stop() {
      stopped ??= stop();
      return stopped;
    },
  };
}

/** Starts the node and waits until it is ready, ends, times out, or the caller aborts. */
async function startNode(
  node: BrokerNode,
  ports: NodePorts,
  timeoutMs: number,
  callerSignal: AbortSignal | undefined,
): Promise<{ version: string; ended: Promise<string> }> {
  const giveUp = new AbortController();
  const timer = setTimeout(
    () => giveUp.abort(new Error(`it was not ready after ${timeoutMs} ms`)),
    timeoutMs,
  );
  const stopListening = onAbort(callerSignal, () => giveUp.abort());
  if (callerSignal?.aborted) giveUp.abort();
  try {
    const { ended } = await node.start(giveUp.signal);
    ended.then((how) => giveUp.abort(new Error(`it ended with ${how}`)));
    return { version: await awaitReady(ports, giveUp.signal), ended };
  } catch (error) {
    if (isTaskQueueError(error)) throw error;
    const cause: Error = giveUp.signal.reason ?? error;
    throw startFailed(`RabbitMQ did not start: ${cause.message}`, {
      cause,
      log: await node.logExcerpt(),
      hint: 'The log says what was wrong; if nothing was, the machine may be under load and need more time.',
    });
  } finally {
    clearTimeout(timer);
    stopListening();
  }
}

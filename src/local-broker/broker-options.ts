import {
  aBoolean,
  aFunction,
  anObject,
  aSignal,
  aString,
  type Checks,
  integer,
  manyStrings,
  positive,
} from '../options/check-options.ts';
import type { ServerInstallation } from './find-server.ts';

/** For {@link startBroker}. */
export interface BrokerOptions {
  /** AMQP port on 127.0.0.1. Default: the port last used with this `dataDir`, else a free one. */
  port?: number | undefined;
  /** Port of the management API on 127.0.0.1; enables the API. Default: as for `port`. */
  apiPort?: number | undefined;
  /** A folder for the data, which is kept. Default: a temporary folder, removed on stop. */
  dataDir?: string | undefined;
  /** Enable the management plugin and its HTTP API, which slow down the start. Default: only with `apiPort`. */
  management?: boolean | undefined;
  /** Permit installing RabbitMQ if neither RabbitMQ nor a container engine is found. Default false. */
  install?: boolean | undefined;
  /** Called to confirm an installation unless `install` is given. `what` describes what would be done. */
  confirmInstall?: ((what: string) => Promise<boolean>) | undefined;
  /** Called with progress, a line at a time. Its errors are ignored. */
  onProgress?: ((line: string) => void) | undefined;
  /** Time for the node to become ready, without installing it or pulling its image. Milliseconds, default 180,000. */
  startTimeoutMs?: number | undefined;
  /** Aborts the start, which rejects with the signal's reason once everything is cleaned up. */
  signal?: AbortSignal | undefined;
  /** More lines for rabbitmq.conf. */
  config?: readonly string[] | undefined;
  /** More plugins to enable. */
  plugins?: readonly string[] | undefined;
  /** The RabbitMQ to run. Default: one found on this machine. */
  installation?: ServerInstallation | undefined;
}

const aPort = integer(1, 65_535);

export const BROKER_CHECKS: Checks<BrokerOptions> = {
  port: aPort,
  apiPort: aPort,
  dataDir: aString,
  management: aBoolean,
  install: aBoolean,
  confirmInstall: aFunction,
  onProgress: aFunction,
  startTimeoutMs: positive,
  signal: aSignal,
  config: manyStrings,
  plugins: manyStrings,
  installation: anObject,
};

/** A private RabbitMQ node that listens on 127.0.0.1 only, with the user guest. */
export interface RunningBroker {
  /** AMQP URL, for the option `url` of the library. */
  readonly url: string;
  /** URL of the management API; undefined without `management`. */
  readonly apiUrl: string | undefined;
  /** AMQP port. */
  readonly port: number;
  /** Port of the management API; undefined without it. */
  readonly apiPort: number | undefined;
  /** RabbitMQ's version. */
  readonly version: string;
  /** What runs it. */
  readonly runtime: 'rabbitmq-server' | 'docker' | 'podman';
  /**
   * Stops the node and leaves nothing behind except a given `dataDir`. With one it shuts down cleanly, which takes
   * RabbitMQ some seconds; a node with temporary data is killed.
   */
  stop(): Promise<void>;
  /** `kill -9` to the node. The data stays, for {@link restart}. */
  kill(): Promise<void>;
  /** Starts the node again on the same ports and data, after a clean shutdown if it is running. */
  restart(): Promise<void>;
  /** Runs rabbitmqctl on this node. Resolves to what it printed. */
  ctl(...args: string[]): Promise<string>;
  /**
   * Settles once: to undefined after {@link stop}, or to an error if the node ends by itself. Kills and restarts do
   * not settle it.
   */
  readonly exited: Promise<Error | undefined>;
}

import type { ServerInstallation } from './find-server.ts';

/** For {@link startBroker}. */
export interface BrokerOptions {
  /** Where AMQP listens on 127.0.0.1. Default: where it did the last time with this `dataDir`, else a free port. */
  port?: number;
  /** Where the management API listens on 127.0.0.1, which it then has. Default: as for `port`. */
  apiPort?: number;
  /** A folder for the data, which is kept. Default: a temporary folder, removed at the end. */
  dataDir?: string;
  /** Run the management plugin and its HTTP API. They make the start slower. Default: only with `apiPort`. */
  management?: boolean;
  /** Agrees to installing RabbitMQ where there is neither one nor a container engine. Default false. */
  install?: boolean;
  /** Asked before installing, unless `install` is given. `what` says what would be done. */
  confirmInstall?: (what: string) => Promise<boolean>;
  /** Called with what is going on, a line at a time. */
  onProgress?: (line: string) => void;
  /** For the node to get ready; installing it or pulling its image is not counted. Milliseconds, default 60,000. */
  startTimeoutMs?: number;
  /** Ends the start; it rejects with the reason of the signal when all is cleaned up. */
  signal?: AbortSignal;
  /** More lines for rabbitmq.conf. */
  config?: readonly string[];
  /** More plugins to enable. */
  plugins?: readonly string[];
  /** The RabbitMQ to run. Default: one that is found on this machine. */
  installation?: ServerInstallation;
}

/** A private RabbitMQ node that listens on 127.0.0.1 only, with the user guest. */
export interface RunningBroker {
  /** AMQP URL, for the option `url` of the library. */
  readonly url: string;
  /** Of the management API; undefined without `management`. */
  readonly apiUrl: string | undefined;
  /** Of AMQP. */
  readonly port: number;
  /** Of the management API; undefined without it. */
  readonly apiPort: number | undefined;
  /** Of RabbitMQ. */
  readonly version: string;
  /** What runs it. */
  readonly runtime: 'rabbitmq-server' | 'docker' | 'podman';
  /**
   * Ends it and leaves nothing behind but a `dataDir` that was given. With one it ends in good order, which
   * takes RabbitMQ some seconds; a node whose data goes anyway is killed.
   */
  stop(): Promise<void>;
  /** `kill -9` to the node. The data stays, for {@link restart}. */
  kill(): Promise<void>;
  /** Starts it again, after ending it in good order if it runs: same ports, same data. */
  restart(): Promise<void>;
  /** Runs rabbitmqctl on this node. Resolves to what it printed. */
  ctl(...args: string[]): Promise<string>;
  /**
   * Settles once: to undefined after {@link stop}, to an error when the node has ended by itself. Killing and
   * restarting do not settle it.
   */
  readonly exited: Promise<Error | undefined>;
}

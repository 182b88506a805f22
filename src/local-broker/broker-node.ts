import type { Watchdog } from './watchdog.ts';

/** A RabbitMQ node that can be started, stopped and started again on the same data. */
export interface BrokerNode {
  readonly runtime: 'rabbitmq-server' | 'docker' | 'podman';
  /** A description for people. */
  readonly description: string;
  /** Whether the data outlives the node, so that a clean shutdown is worth the time. */
  readonly keepsData: boolean;
  /** Starts the process, without waiting until it is ready. Resolves to a promise of how the process ends. */
  start(signal: AbortSignal): Promise<{ ended: Promise<string> }>;
  /** Shuts it down cleanly. Resolves when it has ended. */
  shutDown(): Promise<void>;
  /** `kill -9`. Resolves when it is dead. */
  kill(): Promise<void>;
  /** Runs rabbitmqctl on it. Resolves to the output. */
  ctl(args: readonly string[]): Promise<string>;
  /** The part of the log that says why it did not start. */
  logExcerpt(): Promise<string>;
}

/** The ports of a node on 127.0.0.1. */
export interface NodePorts {
  amqp: number;
  /** Port of the management API, if enabled. */
  api: number | undefined;
}

/** What a node needs, whatever runs it. */
export interface NodeOptions {
  ports: NodePorts;
  config: readonly string[];
  plugins: readonly string[];
  watchdog: Watchdog;
}

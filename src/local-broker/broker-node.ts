/** One RabbitMQ node that can be started, ended and started again on the same data. */
export interface BrokerNode {
  readonly runtime: 'rabbitmq-server' | 'docker' | 'podman';
  /** What is being started, for people. */
  readonly description: string;
  /** True when data outlives the node, so that ending it in good order is worth the time. */
  readonly keepsData: boolean;
  /** Starts the process; it is not ready yet. Resolves to a promise of how that process ends. */
  start(signal: AbortSignal): Promise<{ ended: Promise<string> }>;
  /** Ends it in good order. Resolves when it has ended. */
  shutDown(): Promise<void>;
  /** `kill -9`. Resolves when it is dead. */
  kill(): Promise<void>;
  /** Runs rabbitmqctl against it. Resolves to what that printed. */
  ctl(args: readonly string[]): Promise<string>;
  /** The part of the log that says why it did not start. */
  logExcerpt(): Promise<string>;
}

/** What a node listens on, on 127.0.0.1. */
export interface NodePorts {
  amqp: number;
  /** Of the management API, if it has one. */
  api: number | undefined;
}

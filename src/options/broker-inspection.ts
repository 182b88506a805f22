/** What a user may do with task queues: false if refused, undefined if it could not be tried. */
export interface BrokerPermissions {
  /** Create and delete task queues: `configure` on the prefix. */
  configure: boolean | undefined;
  /** Add messages: `write` on the default exchange, which permissions call `amq.default`. */
  write: boolean | undefined;
  /** Peek at and take messages: `read` on the prefix. */
  read: boolean | undefined;
  /** Publish events: `write` on `mcp:events`. */
  publishEvents: boolean | undefined;
  /** Watch: `configure`, `write` and `read` on `mcp:watch:*`, and `read` on `mcp:events` and its topics. */
  watch: boolean | undefined;
}

/** What a client learns about a broker over AMQP. */
export interface BrokerInspection {
  host: string;
  port: number;
  isTls: boolean;
  vhost: string;
  /** The user name the connection logged in with; undefined if a client certificate provides it. */
  user: string | undefined;
  /** The product, as it introduces itself. */
  product: string | undefined;
  version: string | undefined;
  clusterName: string | undefined;
  permissions: BrokerPermissions;
  /** Why the broker blocks publishing connections, such as `low on memory`, while it does. */
  blockedReason: string | undefined;
}

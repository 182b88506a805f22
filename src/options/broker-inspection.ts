/** What a user may do with the queues of tasks; a refused step is false, and one that nobody could try is undefined. */
export interface BrokerPermissions {
  /** Create and delete task queues: `configure` on the prefix. */
  configure: boolean | undefined;
  /** Add messages: `write` on the default exchange, which permissions call `amq.default`. */
  write: boolean | undefined;
  /** Look at and take messages: `read` on the prefix. */
  read: boolean | undefined;
  /** Publish events: `write` on `mcp:events`. */
  publishEvents: boolean | undefined;
  /** Watch: `configure`, `write` and `read` on `mcp:watch:*`, and `read` on `mcp:events`. */
  watch: boolean | undefined;
}

/** A broker as a client finds it over AMQP. */
export interface BrokerInspection {
  host: string;
  port: number;
  isTls: boolean;
  vhost: string;
  /** The name that the connection logged in with; undefined where a client certificate says it. */
  user: string | undefined;
  /** What listens there, as it introduces itself. */
  product: string | undefined;
  version: string | undefined;
  clusterName: string | undefined;
  permissions: BrokerPermissions;
  /** Why the broker keeps connections from publishing, such as `low on memory`, while it does. */
  blockedReason: string | undefined;
}

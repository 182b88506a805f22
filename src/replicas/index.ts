// For MCP servers that run in several processes, or in several server objects of one process.

export type { ReplicasOptions } from './replica-options.ts';
export { type ReplicaLink, Replicas, type ReplicaTaskMessageQueue } from './replicas.ts';
export type { AuthInfoLike, MessageOrigin, TaskStoreLike, TransportLike } from './sdk-shapes.ts';

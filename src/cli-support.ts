/*
 * What the command line needs beside index.ts. Not among the `exports` of package.json: programs get it only as commands.
 */

// Whether the management API is that of the broker, and how its cluster is.
export { type ClusterOverview, readClusterOverview } from './management/cluster-overview.ts';
export { verifySameBroker } from './management/same-broker.ts';
// From what an operator types, or has in a file, to messages, and back.
export { parseMessageInput } from './messages/message-input.ts';
export { checkOutgoing } from './messages/prepared-message.ts';
export { encodeRecord, recordParts } from './messages/records.ts';
export { propertiesToJson } from './properties/property-json.ts';
export { REPLAY_RULES } from './properties/replay-policy.ts';
export { withHeaders } from './properties/with-headers.ts';

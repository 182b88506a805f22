/*
 * What the command line needs in addition to index.ts. Not among the `exports` of package.json.
 */

// What is missing among events.
export { EventSequence } from './events/event-sequence.ts';
// Where the management API is, whether it belongs to the broker, and the state of its cluster.
export {
  type ClusterOverview,
  readClusterOverview,
} from './management/cluster-overview.ts';
export { defaultApiUrl } from './management/management-api-address.ts';
export { verifySameBroker } from './management/same-broker.ts';
export { withManagementApi } from './management/with-management-api.ts';
// Messages from what an operator types or has in a file, and back.
export { parseMessageInput } from './messages/message-input.ts';
export { checkOutgoing } from './messages/prepared-message.ts';
export { encodeRecord, parseRecord, recordParts } from './messages/records.ts';
export { propertiesToJson } from './properties/property-json.ts';
export { PROPERTY_NAMES } from './properties/property-list.ts';
export { REPLAY_RULES } from './properties/replay-policy.ts';
export { withHeaders } from './properties/with-headers.ts';

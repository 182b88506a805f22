import type { TaskQueueDescription } from '../../index.ts';
import { dropsWhenFull } from '../queues/overflow.ts';

/** When a queue drops messages that the broker has confirmed. Undefined: it does not for this reason. */
export interface DroppingRules {
  /** The most messages it keeps, and the most bytes of bodies. */
  messages: number | undefined;
  bytes: number | undefined;
  /** For how long it keeps a message, in milliseconds. */
  ttl: number | undefined;
  /** After how many milliseconds without use it is deleted, with its messages. */
  expires: number | undefined;
}

/** The rules of a queue, by its own arguments and by policies; `undefined` where its policies are not known yet. */
export function droppingRules(
  description: Pick<
    TaskQueueDescription,
    | 'type'
    | 'arguments'
    | 'policy'
    | 'operatorPolicy'
    | 'effectivePolicy'
    | 'arePoliciesCurrent'
    | 'hasStatistics'
  >,
): DroppingRules | undefined {
  const { type, arguments: own, policy, operatorPolicy, effectivePolicy } = description;
  // Statistics may name them before they have any numbers; that there are none, they say with the numbers.
  const isKnown = description.arePoliciesCurrent || description.hasStatistics;
  if (!isKnown && policy === undefined && operatorPolicy === undefined) return undefined;
  const least = (name: string) => {
    const values = [own[`x-${name}`], effectivePolicy[name]].filter((each) => typeof each === 'number');
    return values.length === 0 ? undefined : Math.min(...values);
  };
  const isDropping = dropsWhenFull(type, own['x-overflow'], effectivePolicy.overflow);
  return {
    messages: isDropping ? least('max-length') : undefined,
    bytes: isDropping ? least('max-length-bytes') : undefined,
    ttl: least('message-ttl'),
    expires: least('expires'),
  };
}

/**
 * Whether messages that are missing in a queue may have been dropped by these rules.
 * @param state how many messages it has now, how many bytes it would have without anything missing (`undefined` if unknown),
 * and how long ago the first message was added
 */
export function mayHaveDropped(
  { messages: most, bytes: mostBytes, ttl, expires }: DroppingRules,
  { messages, bytes, ageMs }: { messages: number; bytes: number | undefined; ageMs: number },
): boolean {
  // A queue that has dropped messages for its length is full.
  if (most !== undefined && messages >= most) return true;
  if (mostBytes !== undefined && (bytes === undefined || bytes > mostBytes)) return true;
  return [ttl, expires].some((ms) => ms !== undefined && ageMs >= ms);
}

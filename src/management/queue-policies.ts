import type { ManagementApi } from './management-api.ts';

/** The policies of a queue, as {@link TaskQueueDescription} has them. */
export interface QueuePolicies {
  policy: string | undefined;
  operatorPolicy: string | undefined;
  effectivePolicy: { readonly [name: string]: unknown };
}

interface Policy {
  name: string;
  pattern: string;
  'apply-to': string;
  definition: { [name: string]: unknown };
  priority: number;
}

/**
 * The policies of a queue as of now: the statistics of a queue name them 5 to 10 seconds after they were set. RabbitMQ
 * applies the matching policy with the highest priority, and limits its numbers by those of an operator policy.
 * @returns `undefined` if that cannot be known: the API does not show policies, a pattern is not one of JavaScript's too,
 * or two policies with one priority match
 */
export async function findPolicies(
  api: ManagementApi,
  queue: string,
  type: string,
): Promise<QueuePolicies | undefined> {
  const vhost = encodeURIComponent(api.vhost);
  try {
    const [policies, operatorPolicies] = await Promise.all([
      api.get<Policy[]>(`policies/${vhost}`),
      api.get<Policy[]>(`operator-policies/${vhost}`),
    ]);
    const policy = effective(policies, queue, type);
    const operatorPolicy = effective(operatorPolicies, queue, type);
    const effectivePolicy = { ...operatorPolicy?.definition, ...policy?.definition };
    for (const [name, most] of Object.entries(operatorPolicy?.definition ?? {})) {
      const value = effectivePolicy[name];
      if (typeof most === 'number' && typeof value === 'number')
        effectivePolicy[name] = Math.min(most, value);
    }
    return { policy: policy?.name, operatorPolicy: operatorPolicy?.name, effectivePolicy };
  } catch {
    // Refused, or not what RabbitMQ answers.
    return undefined;
  }
}

/** @throws if two of them match with one priority, or a pattern is not one of JavaScript's too */
function effective(policies: readonly Policy[], queue: string, type: string): Policy | undefined {
  const kinds = ['all', 'queues', type === 'stream' ? 'streams' : `${type}_queues`];
  const [first, second] = policies
    .filter((each) => kinds.includes(each['apply-to']) && isMatch(each.pattern, queue))
    .sort((a, b) => b.priority - a.priority);
  if (first !== undefined && first.priority === second?.priority) throw new Error('Either may apply');
  return first;
}

/**
 * RabbitMQ matches bytes with PCRE. With the flag `u`, JavaScript refuses whatever has another meaning there, and also
 * needless escapes, which are therefore written as codes.
 */
function isMatch(pattern: string, queue: string): boolean {
  const escaped = bytesOf(pattern).replace(
    /\\([^0-9A-Za-z])/gs,
    (_, char: string) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
  return new RegExp(escaped, 'u').test(bytesOf(queue));
}

/** One character per byte. */
function bytesOf(text: string): string {
  return Buffer.from(text).toString('latin1');
}

/**
 * A count in an answer of the management API; undefined if it is unknown. A proxy that rewrites JSON may make it a string,
 * and adding up strings gives nonsense.
 */
export function toCount(value: unknown): number | undefined {
  const count = typeof value === 'string' && value !== '' ? Number(value) : value;
  return typeof count === 'number' && count >= 0 ? count : undefined;
}

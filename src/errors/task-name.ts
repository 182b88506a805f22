/**
 * A task as messages name it, by its id: `task "786512e2"`. Callers may be JavaScript and pass what is not a string, and which
 * JSON may not be able to write.
 */
export function taskName(taskId: unknown): string {
  return typeof taskId === 'string'
    ? `task ${JSON.stringify(taskId)}`
    : `a task whose id is ${kindOf(taskId)}`;
}

/** The type, as a value may be long or throw when it is read. */
export function kindOf(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

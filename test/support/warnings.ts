import type { StatusEvent, TaskQueueError } from '../../src/index.ts';

/** Collects the warnings of the clients that have its `onStatus`. */
export function collectWarnings() {
  const warnings: TaskQueueError[] = [];
  const onStatus = (event: StatusEvent) => {
    if (event.type === 'warning') warnings.push(event.error);
  };
  return { warnings, onStatus };
}

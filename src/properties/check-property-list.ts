import { ErrorCode, TaskQueueError } from '../errors/task-queue-error.ts';
import { endOfField, endOfProperty, MORE_FLAGS, PROPERTIES, Tag, UnreadableList } from './field-layout.ts';

/**
 * Checks that RabbitMQ can read a property list. Where it cannot, it closes the connection (541), and everything in
 * flight on it fails too. Checks structure and numbers at any depth; text may be anything.
 *
 * @param list the property flags and values of a content header frame
 * @throws TaskQueueError `INVALID_MESSAGE`, naming the header if it is in one
 */
export function checkPropertyList(list: Buffer): void {
  try {
    check(list);
  } catch (error) {
    if (!(error instanceof UnreadableList || error instanceof RangeError)) throw error;
    const reason = `RabbitMQ cannot read the properties of the message: ${error.message}`;
    throw new TaskQueueError(ErrorCode.invalidMessage, reason, { cause: error });
  }
}

function check(list: Buffer): void {
  const flags = list.readUInt16BE(0);
  if ((flags & MORE_FLAGS) !== 0) throw new UnreadableList('there are flags of unknown properties');
  let at = 2;
  for (const { kind, flag } of PROPERTIES) {
    if ((flags & flag) === 0) continue;
    const end = endOfProperty(list, at, kind);
    if (kind === 'table') checkHeaders(list, at + 4, end);
    at = end;
  }
  if (at !== list.length) throw new UnreadableList(`${list.length - at} bytes follow the last property`);
}

function checkHeaders(list: Buffer, start: number, end: number): void {
  for (let at = start; at < end; ) {
    const valueAt = at + 1 + (list[at] as number);
    try {
      const next = endOfField(list, valueAt, end);
      checkValue(list, valueAt, next);
      at = next;
    } catch (error) {
      if (!(error instanceof UnreadableList)) throw error;
      throw new UnreadableList(
        `header ${JSON.stringify(list.toString('utf8', at + 1, valueAt))}: ${error.message}`,
      );
    }
  }
}

/** Without recursion: nested values follow one another, so it is enough to know where each ends. */
function checkValue(list: Buffer, start: number, end: number): void {
  const open: { end: number; isTable: boolean }[] = [];
  let at = start;
  do {
    const inside = open.at(-1);
    if (inside?.isTable) at += 1 + (list[at] as number);
    const valueEnd = endOfField(list, at, inside?.end ?? end);
    const tag = list[at];
    if (tag === Tag.table || tag === Tag.array) {
      open.push({ end: valueEnd, isTable: tag === Tag.table });
      at += 5;
    } else {
      if (tag === Tag.double || tag === Tag.float) checkFinite(list, at + 1, tag);
      at = valueEnd;
    }
    while (open.at(-1)?.end === at) open.pop();
  } while (open.length > 0);
}

/** Erlang has no floating-point NaN or infinity (an exponent of all ones). */
function checkFinite(list: Buffer, at: number, tag: number): void {
  const exponent = tag === Tag.double ? 0x7ff0 : 0x7f80;
  if ((list.readUInt16BE(at) & exponent) === exponent) {
    throw new UnreadableList('it is NaN or infinite');
  }
}

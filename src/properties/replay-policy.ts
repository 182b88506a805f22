import { ErrorCode, TaskQueueError } from '../errors/task-queue-error.ts';
import { endOfField, endOfProperty, FLAG, MORE_FLAGS, PROPERTIES, UnreadableList } from './field-layout.ts';

/*
 * Some properties make the broker act when a message is published, so publishing it again unchanged would do more
 * than put it into its queue. The policy works on the encoded list: whatever it does not change stays byte for byte
 * the same.
 */

/** What the policy changed in a message that is published again. */
export type ReplayChange = 'cc' | 'bcc' | 'user_id' | 'expiration' | 'counters';

/** A row of the policy, for people. */
export interface ReplayRule {
  change: ReplayChange;
  /** The property or header. */
  property: string;
  /** What the policy does with it. */
  action: string;
  reason: string;
}

/** The policy as a table, in the order in which a message has these properties. */
export const REPLAY_RULES: readonly ReplayRule[] = [
  {
    change: 'cc',
    property: 'header CC',
    action: 'renamed to x-mcp-taskq-cc',
    reason: 'the broker would send copies to other queues',
  },
  {
    change: 'bcc',
    property: 'header BCC',
    action: 'renamed to x-mcp-taskq-bcc',
    reason: 'the broker would send copies to other queues',
  },
  {
    change: 'counters',
    property: 'headers x-delivery-count, x-acquired-count',
    action: 'left out',
    reason: 'quorum queues count deliveries themselves',
  },
  {
    change: 'expiration',
    property: 'expiration',
    action: 'left out (keepExpiration keeps it)',
    reason: 'it would start again, and the broker would drop the message',
  },
  {
    change: 'user_id',
    property: 'user_id',
    action: 'left out (kept if it is the user of the connection)',
    reason: 'the broker refuses the name of another user',
  },
];

export interface ReplayPolicyOptions {
  /** The user of the connection that the message is published on. */
  userId: string | undefined;
  /** Publish `expiration` again: the broker then drops the message after that time. */
  keepExpiration: boolean;
}

const UNCHANGED: readonly ReplayChange[] = Object.freeze([]);

/** Names are matched exactly: to RabbitMQ, `cc` is just another header. */
const RENAMED: readonly { name: Buffer; newName: Buffer; change: ReplayChange }[] = [
  { name: shortText('CC'), newName: shortText('x-mcp-taskq-cc'), change: 'cc' },
  { name: shortText('BCC'), newName: shortText('x-mcp-taskq-bcc'), change: 'bcc' },
];

/** Quorum queues add the first to redelivered messages, and from RabbitMQ 4.3 on the second too. */
const COUNTERS: readonly Buffer[] = [shortText('x-delivery-count'), shortText('x-acquired-count')];

/**
 * Applies the policy to a message that was published before. Returns the list to publish and the changes; the same
 * list and no changes if the broker would not act on it. Header values are never touched. A table that has the new name of
 * `CC` or `BCC` already has it twice then, which AMQP allows.
 *
 * @param list the property flags and values of a content header frame
 * @throws TaskQueueError `INVALID_MESSAGE` if the list cannot be read far enough to know what the broker would do
 */
export function applyReplayPolicy(
  list: Buffer,
  options: ReplayPolicyOptions,
): { list: Buffer; changes: readonly ReplayChange[] } {
  try {
    return apply(list, options);
  } catch (error) {
    if (!(error instanceof UnreadableList || error instanceof RangeError)) throw error;
    const reason = `The properties of the message cannot be read: ${error.message}`;
    throw new TaskQueueError(ErrorCode.invalidMessage, reason, { cause: error });
  }
}

function apply(
  list: Buffer,
  { userId, keepExpiration }: ReplayPolicyOptions,
): { list: Buffer; changes: readonly ReplayChange[] } {
  const flags = list.readUInt16BE(0);
  if ((flags & (FLAG.headers | FLAG.expiration | FLAG.user_id | MORE_FLAGS)) === 0)
    return { list, changes: UNCHANGED };
  if ((flags & MORE_FLAGS) !== 0) throw new UnreadableList('it has flags of unknown properties');
  const edit = new ListEdit(list);
  let kept = flags;
  let at = 2;
  for (const { name, kind, flag } of PROPERTIES) {
    if ((flags & flag) === 0) continue;
    const end = endOfProperty(list, at, kind);
    if (name === 'headers') {
      editHeaders(edit, at, end);
    } else if (name === 'expiration' && !keepExpiration) {
      edit.replace(at, end, undefined, 'expiration');
      kept &= ~flag;
    } else if (
      name === 'user_id' &&
      (userId === undefined || !list.subarray(at + 1, end).equals(Buffer.from(userId)))
    ) {
      edit.replace(at, end, undefined, 'user_id');
      kept &= ~flag;
    }
    at = end;
  }
  if (edit.changes.length === 0) return { list, changes: UNCHANGED };
  const edited = edit.finish();
  edited.writeUInt16BE(kept, 0);
  return { list: edited, changes: edit.changes };
}

type Replacement = [at: number, end: number, by: Buffer | undefined, change: ReplayChange];

function editHeaders(edit: ListEdit, start: number, end: number): void {
  const { list } = edit;
  let size = end - start - 4;
  const edits: Replacement[] = [];
  for (let at = start + 4; at < end; ) {
    const keyEnd = at + 1 + (list[at] as number);
    const entryEnd = endOfField(list, keyEnd, end);
    const edited = editOf(list, at, keyEnd, entryEnd);
    if (edited !== undefined) {
      edits.push(edited);
      size += (edited[2]?.length ?? 0) - (edited[1] - edited[0]);
    }
    at = entryEnd;
  }
  const length = Buffer.alloc(4);
  length.writeUInt32BE(size);
  edit.replace(start, start + 4, length);
  for (const edited of edits) edit.replace(...edited);
}

/** What to replace in an entry, and with what; most names differ from these in length alone. */
function editOf(list: Buffer, at: number, keyEnd: number, entryEnd: number): Replacement | undefined {
  const length = keyEnd - at;
  for (const { name, newName, change } of RENAMED) {
    if (length === name.length && name.compare(list, at, keyEnd) === 0) return [at, keyEnd, newName, change];
  }
  for (const name of COUNTERS) {
    if (length === name.length && name.compare(list, at, keyEnd) === 0) {
      return [at, entryEnd, undefined, 'counters'];
    }
  }
  return undefined;
}

/** Pieces of a list with replacement bytes between them. */
class ListEdit {
  readonly list: Buffer;
  readonly changes: ReplayChange[] = [];
  readonly #pieces: Buffer[] = [];
  #done = 0;

  constructor(list: Buffer) {
    this.list = list;
  }

  replace(at: number, end: number, by: Buffer | undefined, change?: ReplayChange): void {
    this.#pieces.push(this.list.subarray(this.#done, at));
    if (by !== undefined) this.#pieces.push(by);
    this.#done = end;
    if (change !== undefined && !this.changes.includes(change)) this.changes.push(change);
  }

  finish(): Buffer {
    return Buffer.concat([...this.#pieces, this.list.subarray(this.#done)]);
  }
}

function shortText(text: string): Buffer {
  return Buffer.from([text.length, ...Buffer.from(text)]);
}

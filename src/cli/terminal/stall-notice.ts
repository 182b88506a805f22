import type { Context } from '../context.ts';
import { formatDuration } from '../text/durations.ts';
import { standardError } from './standard-error.ts';

/** A broker that does not answer for this long is reported. */
export const STALLED_MS = 2_000;

/** A timer that is this late had no process to run in, after Ctrl-Z for example: nothing could arrive either. */
const SUSPENDED_MS = 1_000;

export function stalledFor(ms: number): string {
  return `No answer from the broker for ${formatDuration(ms)}; still waiting.`;
}

/** If stderr is a terminal, reports when the broker does not answer, once per stall. */
export interface StallNotice {
  /** Something has arrived from the broker. */
  moved(): void;
  /** Until the next {@link moved}, something other than the broker is awaited. */
  pause(): void;
  end(): void;
}

const NOTHING: StallNotice = { moved: () => {}, pause: () => {}, end: () => {} };

export function startStallNotice({ note }: Pick<Context, 'note'>): StallNotice {
  if (!standardError().isTTY) return NOTHING;
  let timer: NodeJS.Timeout | undefined;
  let movedAt = 0;
  const end = () => clearTimeout(timer);
  const moved = () => {
    end();
    movedAt = performance.now();
    timer = setTimeout(say, STALLED_MS).unref();
  };
  const say = () => {
    if (performance.now() - movedAt > STALLED_MS + SUSPENDED_MS) return moved();
    note(stalledFor(STALLED_MS));
  };
  moved();
  return { moved, pause: end, end };
}

/** Waits for an answer from the broker, and reports when that takes long. */
export async function awaitAnswer<T>(context: Pick<Context, 'note'>, answer: Promise<T>): Promise<T> {
  const notice = startStallNotice(context);
  try {
    return await answer;
  } finally {
    notice.end();
  }
}

/** The same for each item of a sequence from the broker. */
export async function* awaitEach<T>(
  context: Pick<Context, 'note'>,
  items: AsyncIterable<T>,
): AsyncGenerator<T, void, undefined> {
  const notice = startStallNotice(context);
  try {
    for await (const item of items) {
      // From here on, the wait is for the reader of the output.
      notice.pause();
      yield item;
      notice.moved();
    }
  } finally {
    notice.end();
  }
}

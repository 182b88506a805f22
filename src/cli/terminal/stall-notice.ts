import type { Context } from '../context.ts';
import { formatDuration } from '../input/durations.ts';
import { standardError } from './standard-error.ts';

const STALLED_MS = 2_000;

/** Says on the terminal that stderr is when a broker does not answer, once for each time that it does not. */
export interface StallNotice {
  /** Something has come from the broker. */
  moved(): void;
  /** It is not the broker that is waited for, until something has {@link moved} again. */
  pause(): void;
  end(): void;
}

const NOTHING: StallNotice = { moved: () => {}, pause: () => {}, end: () => {} };

/** @param beforeNote clears what is on the line */
export function startStallNotice({ note }: Pick<Context, 'note'>, beforeNote = () => {}): StallNotice {
  if (!standardError().isTTY) return NOTHING;
  let timer: NodeJS.Timeout | undefined;
  const end = () => clearTimeout(timer);
  const moved = () => {
    end();
    timer = setTimeout(say, STALLED_MS).unref();
  };
  const say = () => {
    beforeNote();
    note(`No answer from the broker for ${formatDuration(STALLED_MS)}; still waiting.`);
  };
  moved();
  return { moved, pause: end, end };
}

/** Waits for an answer of the broker, and says so when that takes long. */
export async function awaitAnswer<T>(context: Pick<Context, 'note'>, answer: Promise<T>): Promise<T> {
  const notice = startStallNotice(context);
  try {
    return await answer;
  } finally {
    notice.end();
  }
}

/** The same for each item of what comes from the broker. */
export async function* awaitEach<T>(
  context: Pick<Context, 'note'>,
  items: AsyncIterable<T>,
): AsyncGenerator<T, void, undefined> {
  const notice = startStallNotice(context);
  try {
    for await (const item of items) {
      // From here on the reader of the output is waited for.
      notice.pause();
      yield item;
      notice.moved();
    }
  } finally {
    notice.end();
  }
}

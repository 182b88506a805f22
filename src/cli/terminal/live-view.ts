import type { Writable } from 'node:stream';
import { onLeavingTerminal } from './job-control.ts';

/*
 * ECMA-48 control sequences, https://ecma-international.org/publications-and-standards/standards/ecma-48;
 * the alternate screen and the cursor are private modes of xterm, which all current terminals support.
 */
const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const CLEAR_LINE_END = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';

/**
 * A view that redraws itself on the alternate screen. The previous contents of the terminal come back at the end, and
 * during Ctrl-Z.
 */
export class LiveView {
  readonly #stream: Writable & { rows?: number };
  readonly #release: () => void;
  #lines: readonly string[] = [];

  constructor(stream: Writable & { rows?: number }) {
    this.#stream = stream;
    stream.write(ENTER);
    this.#release = onLeavingTerminal(
      () => void stream.write(LEAVE),
      () => {
        stream.write(ENTER);
        this.draw(this.#lines);
      },
    );
  }

  /** Lines that fit on the screen; 24 if the terminal does not say. */
  get rows(): number {
    return this.#stream.rows || 24;
  }

  /** Draws in one write, without clearing first, to avoid flicker. */
  draw(lines: readonly string[]): void {
    this.#lines = lines;
    const shown = lines.slice(0, this.rows).map((line) => `${line}${CLEAR_LINE_END}`);
    this.#stream.write(`${HOME}${shown.join('\r\n')}${CLEAR_BELOW}`);
  }

  close(): void {
    this.#release();
    this.#stream.write(LEAVE);
  }
}

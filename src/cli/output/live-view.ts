import type { Writable } from 'node:stream';

/*
 * ECMA-48 control sequences, https://ecma-international.org/publications-and-standards/standards/ecma-48;
 * the alternate screen and the cursor are xterm's private modes, which every terminal of today has.
 */
const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const CLEAR_LINE_END = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';

/** A view that is drawn over itself, on the alternate screen: what was on the terminal before comes back. */
export class LiveView {
  readonly #stream: Writable & { rows?: number };

  constructor(stream: Writable & { rows?: number }) {
    this.#stream = stream;
    stream.write(ENTER);
  }

  /** Lines that fit on the screen. */
  get rows(): number {
    return this.#stream.rows ?? 24;
  }

  /** In one write, and without clearing first, so that nothing flickers. */
  draw(lines: readonly string[]): void {
    const shown = lines.slice(0, this.rows).map((line) => `${line}${CLEAR_LINE_END}`);
    this.#stream.write(`${HOME}${shown.join('\r\n')}${CLEAR_BELOW}`);
  }

  close(): void {
    this.#stream.write(LEAVE);
  }
}

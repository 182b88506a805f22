/** Characters that take two columns: East Asian wide ones and emoji. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]/u;

/** A control sequence with its parameters and its last letter, or one character. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
const TOKEN = /\u001b\[([0-9;?]*)([a-zA-Z])|\u001b[78=>]|[\s\S]/gu;

/**
 * What is on a terminal in the end, with what has scrolled away: as much of ECMA-48 as tables, prompts and
 * progress bars use. Colours are left out. A line that is wider than the terminal goes on in the next one.
 */
export function screenOf(output: string, columns: number): string {
  const screen = new Screen(columns);
  for (const [token, parameters, final] of output.matchAll(TOKEN)) {
    if (final === undefined) screen.put(token);
    else screen.control(final, parameters ?? '');
  }
  return screen.text;
}

class Screen {
  readonly #columns: number;
  #lines: string[][] = [];
  #row = 0;
  #column = 0;
  /** What the alternate screen hides. */
  #hidden: { lines: string[][]; row: number; column: number } | undefined;

  constructor(columns: number) {
    this.#columns = columns;
  }

  get text(): string {
    const lines = Array.from(this.#lines, (line) => Array.from(line ?? [], (cell) => cell ?? ' ').join(''));
    return `${lines
      .map((line) => line.trimEnd())
      .join('\n')
      .trimEnd()}\n`;
  }

  put(character: string): void {
    if (character === '\r') this.#column = 0;
    else if (character === '\n') this.#row++;
    else if (character === '\b') this.#column = Math.max(0, this.#column - 1);
    else if (character >= ' ') this.#print(character);
  }

  #print(character: string): void {
    const width = WIDE.test(character) ? 2 : 1;
    if (this.#column + width > this.#columns) {
      this.#row++;
      this.#column = 0;
    }
    this.#lines[this.#row] ??= [];
    const line = this.#lines[this.#row] as string[];
    line[this.#column] = character;
    if (width === 2) line[this.#column + 1] = '';
    this.#column += width;
  }

  control(final: string, parameters: string): void {
    const count = Math.max(1, Number.parseInt(parameters, 10) || 1);
    switch (final) {
      case 'A':
        this.#row = Math.max(0, this.#row - count);
        break;
      case 'B':
        this.#row += count;
        break;
      case 'C':
        this.#column = Math.min(this.#columns - 1, this.#column + count);
        break;
      case 'D':
        this.#column = Math.max(0, this.#column - count);
        break;
      case 'G':
        this.#column = count - 1;
        break;
      case 'H':
        this.#row = 0;
        this.#column = 0;
        break;
      case 'J':
        this.#lines.length = Math.min(this.#lines.length, this.#row + 1);
        this.#eraseLine('');
        break;
      case 'K':
        this.#eraseLine(parameters);
        break;
      case 'h':
      case 'l':
        if (parameters === '?1049') this.#useAlternate(final === 'h');
        break;
      default:
    }
  }

  #eraseLine(parameters: string): void {
    const line = this.#lines[this.#row];
    if (line === undefined) return;
    if (parameters === '2') line.length = 0;
    else if (parameters === '1') line.fill(' ', 0, this.#column + 1);
    else line.length = Math.min(line.length, this.#column);
  }

  #useAlternate(isOn: boolean): void {
    if (isOn) {
      this.#hidden = { lines: this.#lines, row: this.#row, column: this.#column };
      this.#lines = [];
      this.#row = 0;
      this.#column = 0;
    } else if (this.#hidden) {
      ({ lines: this.#lines, row: this.#row, column: this.#column } = this.#hidden);
      this.#hidden = undefined;
    }
  }
}

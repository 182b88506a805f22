import type { Context } from '../context.ts';
import { jsonLine } from '../text/terminal-text.ts';

/** A list for programs: an object per line, or with `-o json` one array. */
export interface RecordList {
  write(records: readonly object[]): Promise<void>;
  /** Ends the array. */
  end(): Promise<void>;
}

export function recordList({ stdout, format }: Pick<Context, 'stdout' | 'format'>): RecordList {
  let count = 0;
  return {
    async write(records) {
      const lines = records.map(jsonLine);
      if (format === 'json')
        await stdout.write(lines.map((line) => `${count++ === 0 ? '[\n' : ',\n'}${line}`).join(''));
      else await stdout.write(lines.map((line) => `${line}\n`).join(''));
    },
    async end() {
      if (format === 'json') await stdout.write(count === 0 ? '[]\n' : '\n]\n');
      await stdout.flush();
    },
  };
}

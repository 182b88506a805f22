import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openLines } from '../../src/cli/input/input-lines.ts';

test('a file that is truncated while it is read does not count as read to its end', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mcp-taskq-test-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'file');
  await writeFile(file, '{"jsonrpc":"2.0","method":"m"}\n'.repeat(100_000));
  const source = await openLines(file);
  onTestFinished(() => source.close());
  const read = async () => {
    for await (const _lines of source.lines()) await truncate(file, 100);
  };
  await expect(read()).rejects.toThrow(`${file} was truncated while it was read`);
});

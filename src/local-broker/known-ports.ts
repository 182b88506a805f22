import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NodePorts } from './broker-node.ts';

/** Next to the data, so that a broker on the same data uses the same ports again. */
const FILE = 'ports.json';

/** The ports a broker on this data used last; undefined if it never had one. */
export async function readKnownPorts(dataDir: string): Promise<Partial<NodePorts>> {
  try {
    const { amqp, api } = JSON.parse(await readFile(join(dataDir, FILE), 'utf8')) as Record<string, unknown>;
    return { ...(isPort(amqp) && { amqp }), ...(isPort(api) && { api }) };
  } catch {
    // The file is missing, or not ours: any port will do.
    return {};
  }
}

/** Keeps a port that is not used this time for the next. */
export async function writeKnownPorts(dataDir: string, { amqp, api }: NodePorts): Promise<void> {
  const before = await readKnownPorts(dataDir);
  await writeFile(join(dataDir, FILE), `${JSON.stringify({ amqp, api: api ?? before.api })}\n`);
}

function isPort(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) > 0 && (value as number) < 65_536;
}

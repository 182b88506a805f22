import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NodePorts } from './broker-node.ts';

/** Beside the data, so that a broker on the same data is found where it was the last time. */
const FILE = 'ports.json';

/** The ports that a broker on this data had the last time; those that it never had are undefined. */
export async function readKnownPorts(dataDir: string): Promise<Partial<NodePorts>> {
  try {
    const { amqp, api } = JSON.parse(await readFile(join(dataDir, FILE), 'utf8')) as Record<string, unknown>;
    return { ...(isPort(amqp) && { amqp }), ...(isPort(api) && { api }) };
  } catch {
    // There is no such file, or somebody else has put something there: any port will do.
    return {};
  }
}

/** A port that is not used this time is kept for the next. */
export async function writeKnownPorts(dataDir: string, { amqp, api }: NodePorts): Promise<void> {
  const before = await readKnownPorts(dataDir);
  await writeFile(join(dataDir, FILE), `${JSON.stringify({ amqp, api: api ?? before.api })}\n`);
}

function isPort(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) > 0 && (value as number) < 65_536;
}

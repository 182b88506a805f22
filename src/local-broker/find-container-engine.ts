import { findOnPath } from './find-server.ts';
import { runCommand } from './run-command.ts';

export type ContainerEngine = 'docker' | 'podman';

const ANSWER_TIMEOUT_MS = 10_000;

/** The first engine that answers. An installed client is not enough: its engine may not be running. */
export async function findContainerEngine(): Promise<ContainerEngine | undefined> {
  for (const engine of ['docker', 'podman'] as const) {
    if ((await findOnPath(engine)) === undefined) continue;
    const { ok } = await runCommand(engine, ['ps', '-q'], { timeoutMs: ANSWER_TIMEOUT_MS });
    if (ok) return engine;
  }
  return undefined;
}

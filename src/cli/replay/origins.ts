import type { CommandFailure } from '../command-failure.ts';
import type { LineSource } from '../input/input-lines.ts';
import { recordStart } from '../output/last-line.ts';
import { taskCommand } from '../output/this-command.ts';
import { shellWords } from '../text/shell-words.ts';
import { formatCount } from '../text/sizes.ts';
import { UsageFailure } from '../usage-failure.ts';

/** The tasks that the messages of a file were read from, as far as their records say. */
export class Origins {
  readonly #taskIds = new Set<string>();

  add(taskId: string | undefined): void {
    if (taskId !== undefined) this.#taskIds.add(taskId);
  }

  get areSeveral(): boolean {
    return this.#taskIds.size > 1;
  }

  /**
   * Why they are not sent: each task has a client of its own, which must not receive what is meant for another.
   * @param wanted the task to send to
   * @param isOneALine whether each line of the source is a message
   */
  refusal({ name, path }: LineSource, wanted: string, isOneALine: boolean): CommandFailure {
    const [first = ''] = this.#taskIds;
    const taskId = this.#taskIds.has(wanted) ? wanted : first;
    // Unlike jq, grep leaves every byte of a body as it was.
    const filter = isOneALine
      ? ['grep', `^${recordStart(taskId).replace(/[.*[\]\\^$]/g, '\\$&')}`]
      : ['jq', '-c', `(arrays[] // .) | select(.task_id == ${JSON.stringify(taskId)})`];
    const only = shellWords(path === undefined ? filter : [...filter, path]);
    const send = taskCommand('enqueue', wanted, ['--from', '-']);
    return new UsageFailure(
      `Nothing was sent: ${name} holds messages of ${formatCount(this.#taskIds.size, 'task')}`,
      `To send those of task ${taskId}: ${only} | ${send}`,
    );
  }
}

import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

/**
 * A task-augmented tool that does what its `steps` say, one after the other, once its task is created:
 *
 *     {log: data}         queue a log notification
 *     {progress: number}  queue a progress notification
 *     {elicit: message}   ask the user, and wait for the answer
 *     {sample: text}      ask the model, and wait for the answer
 *     {both: [a, b]}      ask the user both at once, and wait for the answers
 *     {hold: true}        never go on
 *
 * Its result has the answers as text, a line each, and `_meta.answeredAt` when each of them came. A step that fails makes the task fail with its message, and
 * adds a line to the task's journal in `folder`. `running` has a promise for each task that is not done.
 */
export function registerScriptedTool(
  mcp,
  { ElicitResultSchema, CreateMessageResultSchema, folder, running = new Set() },
) {
  mcp.experimental.tasks.registerToolTask(
    'script',
    {
      description: 'Does what its steps say.',
      inputSchema: { steps: z.array(z.record(z.string(), z.unknown())) },
      execution: { taskSupport: 'required' },
    },
    {
      async createTask({ steps }, extra) {
        const task = await extra.taskStore.createTask({ ttl: 60_000, pollInterval: 50 });
        const done = run(task.taskId, steps, extra).catch((error) => {
          appendFileSync(join(folder, `${task.taskId}.journal`), `${error.message}\n`);
          return extra.taskStore
            .storeTaskResult(task.taskId, 'failed', { content: [text(error.message)], isError: true })
            .catch(() => {});
        });
        running.add(done);
        done.finally(() => running.delete(done));
        return { task };
      },
      getTask: (_args, extra) => extra.taskStore.getTask(extra.taskId),
      getTaskResult: (_args, extra) => extra.taskStore.getTaskResult(extra.taskId),
    },
  );

  async function run(taskId, steps, extra) {
    const relatedTask = { taskId };
    const notify = (method, params) => mcp.server.notification({ method, params }, { relatedTask });
    const answeredAt = [];
    const ask = async (method, params, schema) => {
      const answer = await extra.sendRequest({ method, params }, schema, {
        relatedTask,
        timeout: 300_000,
      });
      answeredAt.push(Date.now());
      await extra.taskStore.updateTaskStatus(taskId, 'working');
      return answer;
    };
    const answers = [];
    const askUser = async (message) => {
      const requestedSchema = { type: 'object', properties: { answer: { type: 'string' } } };
      const params = { mode: 'form', message, requestedSchema };
      const { action, content } = await ask('elicitation/create', params, ElicitResultSchema);
      return `${action}: ${content?.answer}`;
    };
    for (const { log, progress, elicit, both, sample, hold } of steps) {
      if (log !== undefined) await notify('notifications/message', { level: 'info', data: log });
      if (progress !== undefined) {
        await notify('notifications/progress', { progressToken: extra._meta.progressToken, progress });
      }
      if (elicit !== undefined) answers.push(await askUser(elicit));
      if (both !== undefined) answers.push(...(await Promise.all(both.map(askUser))));
      if (sample !== undefined) {
        const messages = [{ role: 'user', content: text(sample) }];
        const params = { messages, maxTokens: 50 };
        const { content } = await ask('sampling/createMessage', params, CreateMessageResultSchema);
        answers.push(content.text);
      }
      if (hold) return;
    }
    const content = [text(answers.join('\n'))];
    await extra.taskStore.storeTaskResult(taskId, 'completed', { content, _meta: { answeredAt } });
  }
}

function text(words) {
  return { type: 'text', text: words };
}

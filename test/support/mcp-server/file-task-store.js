import { randomUUID } from 'node:crypto';
import { linkSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ENDS = ['completed', 'failed', 'cancelled'];

/**
 * A task store of the SDK that several server processes share, one after the other or at the same time: a file per task
 * in one folder, and one more for its end, which is written once, so that no change of another process undoes it. Any
 * session finds any task. Made for tests: of two other changes at the same time, one may be lost.
 */
export class FileTaskStore {
  #folder;

  constructor(folder) {
    this.#folder = folder;
  }

  async createTask({ ttl = null, pollInterval = 50 }, requestId, request) {
    const now = new Date().toISOString();
    const task = {
      taskId: randomUUID(),
      status: 'working',
      ttl,
      createdAt: now,
      lastUpdatedAt: now,
      pollInterval,
    };
    this.#write({ task, requestId, request });
    return task;
  }

  async getTask(taskId) {
    return this.#read(taskId)?.task ?? null;
  }

  async storeTaskResult(taskId, status, result) {
    this.#change(taskId, { status }, { result });
  }

  async getTaskResult(taskId) {
    const { result } = this.#read(taskId) ?? {};
    if (!result) throw new Error(`Task ${taskId} has no result`);
    return result;
  }

  async updateTaskStatus(taskId, status, statusMessage) {
    this.#change(taskId, { status, ...(statusMessage && { statusMessage }) });
  }

  async listTasks() {
    const files = readdirSync(this.#folder).filter((name) => name.endsWith('.json'));
    return { tasks: files.map((name) => this.#read(name.slice(0, -'.json'.length)).task) };
  }

  #change(taskId, changes, more = {}) {
    const stored = this.#read(taskId);
    if (!stored) throw new Error(`Task ${taskId} not found`);
    if (ENDS.includes(stored.task.status)) throw new Error(`Task ${taskId} is ${stored.task.status} already`);
    const task = { ...stored.task, ...changes, lastUpdatedAt: new Date().toISOString() };
    this.#write({ ...stored, ...more, task });
  }

  #read(taskId) {
    for (const file of [this.#endOf(taskId), this.#fileOf(taskId)]) {
      try {
        return JSON.parse(readFileSync(file, 'utf8'));
      } catch (error) {
        if (error.code !== 'ENOENT') throw error;
      }
    }
    return undefined;
  }

  /** A reader sees the file as it was or as it is, and never half of it. */
  #write(stored) {
    const { taskId, status } = stored.task;
    const draft = `${this.#fileOf(taskId)}.${randomUUID()}`;
    writeFileSync(draft, JSON.stringify(stored));
    if (!ENDS.includes(status)) return renameSync(draft, this.#fileOf(taskId));
    try {
      // Fails if there is one.
      linkSync(draft, this.#endOf(taskId));
    } finally {
      rmSync(draft);
    }
  }

  #fileOf(taskId) {
    return join(this.#folder, `${taskId}.json`);
  }

  #endOf(taskId) {
    return join(this.#folder, `${taskId}.end`);
  }
}

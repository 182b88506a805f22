import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ENDS = ['completed', 'failed', 'cancelled'];

/**
 * A task store of the SDK that several server processes share, one after the other or at the same time: a file
 * per task in one folder. Any session finds any task. Made for tests: two writers of one task are not kept apart.
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
    try {
      return JSON.parse(readFileSync(join(this.#folder, `${taskId}.json`), 'utf8'));
    } catch (error) {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** A reader sees the file as it was or as it is, and never half of it. */
  #write(stored) {
    const file = join(this.#folder, `${stored.task.taskId}.json`);
    const draft = `${file}.${randomUUID()}`;
    writeFileSync(draft, JSON.stringify(stored));
    renameSync(draft, file);
  }
}

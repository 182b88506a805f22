import { randomUUID } from 'node:crypto';
import type { CreateTaskOptions, TaskStore } from '@modelcontextprotocol/sdk/experimental/tasks';
import type { Request, RequestId, Result, Task } from '@modelcontextprotocol/sdk/types.js';
import Database from 'libsql';

/** A task store in a SQLite file, which any number of processes of one machine share. */
export class SqliteTaskStore implements TaskStore {
  readonly #database: Database.Database;

  constructor(file: string) {
    this.#database = new Database(file);
    this.#database.exec('PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL');
    this.#database.exec(
      'CREATE TABLE IF NOT EXISTS tasks (id TEXT PRIMARY KEY, status TEXT, task TEXT, result TEXT)',
    );
  }

  async createTask(options: CreateTaskOptions, _id: RequestId, _request: Request): Promise<Task> {
    const { ttl = null, pollInterval = 1_000 } = options;
    const now = new Date().toISOString();
    const taskId = randomUUID();
    const task: Task = { taskId, status: 'working', ttl, pollInterval, createdAt: now, lastUpdatedAt: now };
    const insert = this.#database.prepare('INSERT INTO tasks (id, status, task) VALUES (?, ?, ?)');
    insert.run([taskId, task.status, JSON.stringify(task)]);
    return task;
  }

  async getTask(taskId: string): Promise<Task | null> {
    const row = this.#database.prepare('SELECT task FROM tasks WHERE id = ?').get([taskId]);
    return row === undefined ? null : JSON.parse((row as { task: string }).task);
  }

  async storeTaskResult(taskId: string, status: 'completed' | 'failed', result: Result): Promise<void> {
    await this.#change(taskId, { status }, JSON.stringify(result));
  }

  async getTaskResult(taskId: string): Promise<Result> {
    const row = this.#database.prepare('SELECT result FROM tasks WHERE id = ?').get([taskId]);
    const { result } = (row ?? {}) as { result?: string | null };
    if (!result) throw new Error(`Task ${taskId} has no result`);
    return JSON.parse(result);
  }

  async updateTaskStatus(taskId: string, status: Task['status'], statusMessage?: string): Promise<void> {
    await this.#change(taskId, { status, ...(statusMessage && { statusMessage }) });
  }

  async listTasks(): Promise<{ tasks: Task[] }> {
    const rows = this.#database.prepare('SELECT task FROM tasks ORDER BY rowid DESC LIMIT 100').all([]);
    return { tasks: rows.map((row) => JSON.parse((row as { task: string }).task)) };
  }

  /** An ended task stays as it ended, even if something else tries to end it at the same time. */
  async #change(taskId: string, changes: Partial<Task>, result: string | null = null): Promise<void> {
    const task = await this.getTask(taskId);
    const changed = JSON.stringify({ ...task, ...changes, lastUpdatedAt: new Date().toISOString() });
    const update = this.#database.prepare(
      `UPDATE tasks SET status = ?, task = ?, result = ?
       WHERE id = ? AND status NOT IN ('completed', 'failed', 'cancelled')`,
    );
    const { changes: count } = update.run([changes.status, changed, result, taskId]);
    if (count === 0) throw new Error(`Task ${taskId} is not there, or has ended`);
  }
}

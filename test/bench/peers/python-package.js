import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** The Python package's way of doing things, in a process that is up before anything is timed. */
export class PythonPackage {
  #child;
  #answers;

  /** @param {string} python one that has pika */
  constructor(python, url) {
    const script = fileURLToPath(new URL('./python_package.py', import.meta.url));
    this.#child = spawn(python, [script, url], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** Resolves when it has done it. @param {'enqueue' | 'dequeue' | 'clear'} operation */
  async run(operation, queue, count) {
    this.#child.stdin.write(`${operation} ${queue} ${count}\n`);
    const { done } = await this.#answers.next();
    if (done) throw new Error('The Python peer has ended');
  }

  async close() {
    const ended = once(this.#child, 'exit');
    this.#child.stdin.end();
    await ended;
  }
}

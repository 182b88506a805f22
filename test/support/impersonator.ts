import { randomUUID } from 'node:crypto';
import { inject } from 'vitest';
import { callApi } from './vhost.ts';

/** Users of the test broker that are gone after the tests. */
export class Impersonator {
  /** The name of a user without such rights. */
  readonly colleague = `colleague-${randomUUID()}`;
  readonly #name = `impersonator-${randomUUID()}`;
  readonly #users = new Set<string>();

  private constructor() {}

  /** One who may publish with any `user_id`. */
  static async create(): Promise<Impersonator> {
    const impersonator = new Impersonator();
    await impersonator.#add(impersonator.#name, 'impersonator');
    return impersonator;
  }

  /** The URL of the broker as this user, or as another one, who is made for it. */
  async url(name = this.#name): Promise<string> {
    if (!this.#users.has(name)) await this.#add(name, '');
    return inject('url').replace('//', `//${encodeURIComponent(name)}:secret@`);
  }

  async remove(): Promise<void> {
    for (const user of this.#users) await callApi('DELETE', `users/${encodeURIComponent(user)}`);
  }

  async #add(name: string, tags: string): Promise<void> {
    const user = encodeURIComponent(name);
    await callApi('PUT', `users/${user}`, { password: 'secret', tags });
    await callApi('PUT', `permissions/%2F/${user}`, { configure: '.*', write: '.*', read: '.*' });
    this.#users.add(name);
  }
}

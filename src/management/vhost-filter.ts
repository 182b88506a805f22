import type { ManagementApi } from './management-api.ts';
import { notRabbitMQ, otherVhosts } from './management-api-errors.ts';

/**
 * Passes only queues of the requested vhost. A proxy may decode the %2F of the vhost `/`; the API then lists all
 * vhosts, or another one.
 */
export class VhostFilter {
  readonly api: ManagementApi;
  #own = 0;
  #others = 0;

  constructor(api: ManagementApi) {
    this.api = api;
  }

  /** @throws TaskQueueError `TARGET_MISMATCH` if these are not queues */
  own<T extends { name: string; vhost?: string }>(items: T[]): T[] {
    if (!items.every((item) => typeof item?.name === 'string')) throw notRabbitMQ(this.api.base);
    const own = items.filter(({ vhost }) => vhost === undefined || vhost === this.api.vhost);
    this.#own += own.length;
    this.#others += items.length - own.length;
    return own;
  }

  /** @throws TaskQueueError `TARGET_MISMATCH` if all were of other vhosts: then it is not known whether this one has queues */
  finish(): void {
    if (this.#others > 0 && this.#own === 0) throw otherVhosts(this.api.base, this.api.vhost);
  }
}

import { hasCode } from '../../cli-shared.ts';
import { RefusedMessages } from './refused-messages.ts';
import { ReplayReport } from './replay-report.ts';

/** What became of messages that were published. */
export class PublishTally {
  /** Properties that were changed. */
  readonly report = new ReplayReport();
  /** Messages that cannot be published to any task, which does not stop the others. */
  readonly refused = new RefusedMessages();
  confirmed = 0;
  /** How many of the confirmed messages came after one that was not. */
  confirmedBehind = 0;
  /** How many were sent but not confirmed, so that they may be in the queue. */
  unsure = 0;
  /** How many were rejected by their queue, which may be full, or have crashed. */
  rejected = 0;

  /**
   * @param name identifies the message to people
   * @returns whether the error is that of the message alone, and the next one may be published
   */
  addFailure(name: string, error: unknown): boolean {
    if (hasCode(error, 'INVALID_MESSAGE', 'MESSAGE_TOO_LARGE')) {
      this.refused.add(name, error);
      return true;
    }
    if (hasCode(error, 'PUBLISH_UNCONFIRMED')) this.unsure++;
    if (hasCode(error, 'QUEUE_OVERFLOW', 'PUBLISH_REJECTED')) this.rejected++;
    return false;
  }
}

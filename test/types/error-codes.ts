// Compiled with the tests, never run: it holds when it compiles.
import {
  ErrorCode,
  hasCode,
  type MalformedMessageError,
  type PublishUnconfirmedError,
  type TaskQueueError,
} from '../../src/index.ts';

/** What a caller can read of an error, once its code is known. */
export function narrowed(error: unknown): unknown {
  if (hasCode(error, 'QUEUE_OVERFLOW')) {
    // @ts-expect-error: only the two classes below have more
    error.body;
    return error.code satisfies 'QUEUE_OVERFLOW';
  }
  if (hasCode(error, ErrorCode.malformedMessage)) {
    error.code satisfies 'MALFORMED_MESSAGE';
    return error.body satisfies Buffer;
  }
  if (hasCode(error, ErrorCode.publishUnconfirmed)) return error.messageId satisfies string | undefined;
  return undefined;
}

/** The codes of the classes. */
export function codes(malformed: MalformedMessageError, unconfirmed: PublishUnconfirmedError): string[] {
  return [malformed.code satisfies 'MALFORMED_MESSAGE', unconfirmed.code satisfies 'PUBLISH_UNCONFIRMED'];
}

/** A code that is known only when it runs. */
export function anyOf(error: unknown, wanted: readonly ErrorCode[]): TaskQueueError | undefined {
  for (const code of wanted) if (hasCode(error, code)) return error;
  return undefined;
}

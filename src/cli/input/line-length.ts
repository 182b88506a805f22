import { UsageFailure } from '../usage-failure.ts';

/** A longer line is not a message: brokers do not accept one of that size. It is not read into memory as a whole. */
export const MAX_LINE_BYTES = 256 * 1024 * 1024;

/** @throws UsageFailure for a line that is longer than any message */
export function checkLength(bytes: number, number: number): void {
  if (bytes <= MAX_LINE_BYTES) return;
  throw new UsageFailure(
    `line ${number} is longer than ${MAX_LINE_BYTES / 1024 / 1024} MB, too long for a message`,
  );
}

import {
  aBoolean,
  aFunction,
  aLimit,
  aSignal,
  type Checks,
  integer,
  positiveOrZero,
} from './check-options.ts';
import type {
  ClearOptions,
  CloseOptions,
  DrainOptions,
  PeekOptions,
  PublishOptions,
  WaitOptions,
} from './client-options.ts';

/*
 * What the options of single calls may be.
 */

export const PUBLISH_CHECKS: Checks<PublishOptions> = {
  create: aBoolean,
  maxSize: aLimit,
  keepExpiration: aBoolean,
  confirmStored: aBoolean,
};

export const PEEK_CHECKS: Checks<PeekOptions> = { limit: integer(1), skip: integer(0) };

export const DRAIN_CHECKS: Checks<DrainOptions> = {
  limit: integer(1),
  batchSize: integer(1),
  select: aFunction,
  allOrNone: aBoolean,
  signal: aSignal,
  onRead: aFunction,
  onRemoved: aFunction,
  onEnd: aFunction,
};

export const CLEAR_CHECKS: Checks<ClearOptions> = {
  ...DRAIN_CHECKS,
  keepQueue: aBoolean,
  isIndependent: aBoolean,
};

export const WAIT_CHECKS: Checks<WaitOptions> = { signal: aSignal, timeoutMs: aLimit };

export const CLOSE_CHECKS: Checks<CloseOptions> = { timeoutMs: positiveOrZero };

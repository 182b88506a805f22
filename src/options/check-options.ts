import { ErrorCode, TaskQueueError } from '../errors/task-queue-error.ts';
import { editDistance } from './edit-distance.ts';

/*
 * Callers may be JavaScript, or TypeScript with values from elsewhere: an option of the wrong type must not be taken for
 * its default, such as a broker on this machine.
 */

/** What is wrong with a value, as the end of a sentence about it; undefined if nothing is. */
type Check = (value: unknown) => string | undefined;

/** One for each option. */
export type Checks<Options> = { readonly [Name in keyof Options]-?: Check };

/** The longest time for setTimeout, which fires at once for anything longer. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * A copy of the options, as the caller may change them before they are used; null counts as left out, as undefined does.
 * Names without a check stay, as callers pass on objects with more than these options; only what must be a misspelt name
 * is refused. Costs little: some calls are made for each message.
 * @param parent the option whose value this is, for messages
 * @throws TaskQueueError `INVALID_ARGUMENT` naming the option
 */
export function checkOptions<Options extends object>(
  given: Options | null | undefined,
  checks: Readonly<Record<string, Check>>,
  parent?: string,
): Options {
  if (given === undefined || given === null) return {} as Options;
  if (!isOptions(given)) {
    throw invalidArgument(parent ? `Option ${parent}` : 'The options', `must be a plain object${not(given)}`);
  }
  const values = valuesOf(given);
  for (const name in values) {
    if (values[name] === null) values[name] = undefined;
    const value = values[name];
    if (value === undefined) continue;
    const problem = Object.hasOwn(checks, name) ? checks[name]?.(value) : misspelling(name, values, checks);
    if (problem === undefined) continue;
    throw invalidArgument(`Option ${parent ? `${parent}.` : ''}${name}`, problem, value);
  }
  return values as Options;
}

interface Values {
  [name: string]: unknown;
}

/** With those that a class defines by getters, which are not enumerable. */
function valuesOf(given: object): Values {
  const values: Values = { ...given };
  if (Object.getPrototypeOf(given) === Object.prototype) return values;
  for (let from = Object.getPrototypeOf(given); from !== null; from = Object.getPrototypeOf(from)) {
    for (const [name, { get }] of Object.entries(Object.getOwnPropertyDescriptors(from))) {
      if (get && name !== '__proto__') values[name] = (given as Values)[name];
    }
  }
  return values;
}

/** Refused only if the option that must be meant is left out. */
function misspelling(name: string, values: Values, checks: object): string | undefined {
  const isLeftOut = (known: string) => values[known] === undefined || values[known] === null;
  const meant = Object.keys(checks).find((known) => isLeftOut(known) && isSimilar(name, known));
  return meant && `is unknown: did you mean ${meant}?`;
}

/** @throws TaskQueueError `INVALID_ARGUMENT` naming the argument */
export function checkArgument(name: string, value: unknown, check: Check): void {
  const problem = check(value);
  if (problem !== undefined) throw invalidArgument(`Argument ${name}`, problem, value);
}

/** False for a URL, an array, a promise and the like, none of which can have options. */
export function isOptions(value: unknown): boolean {
  return Object.prototype.toString.call(value) === '[object Object]';
}

export const aString: Check = (value) =>
  typeof value === 'string' ? undefined : `must be a string${not(value)}`;

export const strings: Check = (value) =>
  typeof value === 'string' || (Array.isArray(value) && value.every((each) => typeof each === 'string'))
    ? undefined
    : `must be a string or an array of strings${Array.isArray(value) ? '' : not(value)}`;

export const manyStrings: Check = (value) =>
  Array.isArray(value) && value.every((each) => typeof each === 'string')
    ? undefined
    : `must be an array of strings${Array.isArray(value) ? '' : not(value)}`;

/** A string would be taken for its characters. */
export const anIterable: Check = (value) =>
  typeof value === 'object' && value !== null && Symbol.iterator in value
    ? undefined
    : `must be an array or another iterable${not(value)}`;

/** An object with these methods, whatever its class: it may be one of another copy of a package. */
export function withMethods(what: string, ...methods: readonly string[]): Check {
  const isMethod = (value: unknown, name: string) =>
    typeof (value as Values | undefined | null)?.[name] === 'function';
  return (value) =>
    methods.every((name) => isMethod(value, name)) ? undefined : `must be ${what}${not(value)}`;
}

export const aClient = withMethods('a TaskQueueClient', 'deleteIfUnused');

export const text: Check = (value) =>
  typeof value === 'string' || Buffer.isBuffer(value)
    ? undefined
    : `must be a string or a Buffer${not(value)}`;

export const aBoolean: Check = (value) =>
  typeof value === 'boolean' ? undefined : `must be true or false${not(value)}`;

export const aFunction: Check = (value) =>
  typeof value === 'function' ? undefined : `must be a function${not(value)}`;

export const anObject: Check = (value) =>
  isOptions(value) ? undefined : `must be a plain object${not(value)}`;

/** Also one of another realm. */
export const aSignal: Check = (value) => {
  const { aborted, addEventListener, throwIfAborted } = value as Partial<AbortSignal>;
  return typeof aborted === 'boolean' &&
    typeof addEventListener === 'function' &&
    typeof throwIfAborted === 'function'
    ? undefined
    : `must be an AbortSignal${not(value)}`;
};

export function oneOf(...choices: readonly string[]): Check {
  return (value) => (choices.includes(value as string) ? undefined : `must be one of ${choices.join(', ')}`);
}

/** A whole number. */
export function integer(min: number, max = Number.MAX_SAFE_INTEGER): Check {
  const expected =
    max === Number.MAX_SAFE_INTEGER
      ? `a whole number, ${min} or more`
      : `a whole number from ${min} to ${max}`;
  return (value) =>
    Number.isInteger(value) && (value as number) >= min && (value as number) <= max
      ? undefined
      : `must be ${expected}${notNumber(value)}`;
}

/** Above 0, and at most what a timer can wait for. */
export const positive: Check = (value) =>
  typeof value === 'number' && value > 0 && value <= MAX_TIMER_MS
    ? undefined
    : `must be a number from 1 to ${MAX_TIMER_MS}${notNumber(value)}`;

export const positiveOrZero: Check = (value) =>
  value === 0 || positive(value) === undefined
    ? undefined
    : `must be a number from 0 to ${MAX_TIMER_MS}${notNumber(value)}`;

/** Infinity is a limit that is never reached. */
export const aLimit: Check = (value) =>
  typeof value === 'number' && value >= 0 ? undefined : `must be a number, 0 or more${notNumber(value)}`;

function notNumber(value: unknown): string {
  return typeof value === 'number' ? `, not ${value}` : not(value);
}

/** The type, as the value may be a secret. */
function not(value: unknown): string {
  if (value === undefined || value === null) return `, not ${value}`;
  if (Array.isArray(value)) return ', not an array';
  if (typeof value !== 'object') return `, not a ${typeof value}`;
  if (isOptions(value)) return ', not an object';
  return `, not an object of type ${tagOf(value)}`;
}

/** `Object` for objects of all classes but the built-in ones. */
function tagOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice('[object '.length, -1);
}

function invalidArgument(subject: string, problem: string, value?: unknown): TaskQueueError {
  return new TaskQueueError(ErrorCode.invalidArgument, `${subject} ${problem}`, {
    ...(value instanceof URL && { hint: 'Pass its href.' }),
  });
}

/** Whether a name is another without its unit, or with one typing mistake. Upper and lower case count as the same. */
function isSimilar(name: string, known: string): boolean {
  const [a, b] = [name, known].map((each) => each.toLowerCase().replace(/(ms|seconds)$/, '')) as [
    string,
    string,
  ];
  // Short words are often like others, such as mail and tail.
  if (known.length < 5 && a.slice(0, 2) !== b.slice(0, 2)) return false;
  return editDistance(a, b, 1) <= 1;
}

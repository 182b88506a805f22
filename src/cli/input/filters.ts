import { Environment } from '@marcbachmann/cel-js';
import type { StoredMessage } from '../../index.ts';
import { CommandFailure } from '../command-failure.ts';
import { ExitCode } from '../exit-codes.ts';
import { checkConstants, checkPropertyNames } from './filter-checks.ts';
import { FilterTally } from './filter-tally.ts';
import { FilterVariables, TYPE_VARIABLE } from './filter-variables.ts';

/*
 * `--filter` takes CEL, the Common Expression Language, https://cel.dev: made for expressions of strangers, so
 * it has no loops, no assignments and no way to code or prototypes; operators know it from Kubernetes. The
 * library has no dependencies and interprets the expression, where others compile it with `new Function`.
 */

/** What an expression knows of a message, with CEL types. `help filters` explains them. */
const VARIABLES = {
  task_id: 'string',
  method: 'string',
  id: 'dyn',
  age: 'google.protobuf.Duration',
  size: 'int',
  redelivered: 'bool',
  properties: 'dyn',
  body: 'dyn',
  params: 'dyn',
} as const;

/** True for the messages that an expression selects. */
export interface MessageFilter {
  (message: StoredMessage): boolean;
  /** What it has looked at so far. */
  readonly tally: FilterTally;
}

/**
 * Reads a filter expression. A message on which it cannot be evaluated, as a field is missing or has another type, does
 * not match, and is counted.
 * @param now the time that ages are reckoned from
 * @throws CommandFailure (usage) saying where the expression is wrong
 */
export function parseFilter(expression: string, now: () => number = Date.now): MessageFilter {
  const environment = new Environment();
  for (const [name, type] of Object.entries(VARIABLES)) environment.registerVariable(name, type);
  environment.registerVariable(TYPE_VARIABLE, 'string');
  const matches = compile(environment, expression);
  const tally = new FilterTally();
  const filter = (message: StoredMessage) => {
    tally.looked++;
    const { stackTraceLimit } = Error;
    // A missing field is an error of the library, and its stack trace would take longer than all the rest.
    Error.stackTraceLimit = 0;
    try {
      if (matches(new FilterVariables(message, now)) !== true) return false;
      tally.matched++;
      return true;
    } catch (error) {
      tally.addFailure(error);
      return false;
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
  };
  return Object.assign(filter, { tally });
}

function compile(environment: Environment, expression: string): (variables: object) => unknown {
  try {
    const text = withTypeVariable(environment, expression);
    const compiled = environment.parse(text);
    const { valid, error, type } = compiled.check();
    if (!valid) throw error;
    if (type !== 'bool' && type !== 'dyn') throw new Error(`It is a ${type}, not true or false`);
    checkConstants(environment, compiled.ast, text);
    checkPropertyNames(compiled.ast);
    return compiled as (variables: object) => unknown;
  } catch (cause) {
    const reason = (cause as Error).message.replaceAll(TYPE_VARIABLE, 'type');
    throw new CommandFailure(ExitCode.usage, `The filter cannot be used: ${reason}`, {
      cause,
      hint: 'Like this: type == "request" && method.startsWith("elicitation/"); see "mcp-taskq help filters".',
    });
  }
}

/** Renames the variable `type` where the parser has found it, and not where it is a text or a field. */
function withTypeVariable(environment: Environment, expression: string): string {
  const places: number[] = [];
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) {
      for (const each of node) visit(each);
      return;
    }
    if (typeof node !== 'object' || node === null || !('op' in node) || !('args' in node)) return;
    if (node.op === 'id' && node.args === 'type')
      places.push((node as unknown as { range: { start: number } }).range.start);
    visit(node.args);
  };
  visit(environment.parse(expression).ast);
  return places
    .sort((a, b) => b - a)
    .reduce((text, at) => text.slice(0, at) + TYPE_VARIABLE + text.slice(at + 'type'.length), expression);
}

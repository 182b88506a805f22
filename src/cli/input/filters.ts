import { Environment } from '@marcbachmann/cel-js';
import type { StoredMessage } from '../../index.ts';
import { UsageFailure } from '../usage-failure.ts';
import { checkConstants, checkPropertyNames, nodesIn } from './filter-checks.ts';
import { FilterTally } from './filter-tally.ts';
import { FilterVariables, TYPE_VARIABLE } from './filter-variables.ts';

/*
 * `--filter` takes CEL, the Common Expression Language, https://cel.dev. It is made for untrusted expressions: it has
 * no loops or assignments, and cannot reach code or prototypes. Operators know it from Kubernetes. The library has no
 * dependencies and interprets expressions; others compile them with `new Function`.
 */

/** The variables of an expression, with CEL types. `help filters` explains them. */
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

/** Returns true for messages that the expression selects. */
export interface MessageFilter {
  (message: StoredMessage): boolean;
  /** What it has looked at so far. */
  readonly tally: FilterTally;
}

/**
 * Parses a filter expression. A message on which it cannot be evaluated (a field is missing or has another type) does
 * not match, and is counted.
 * @param now the time from which ages are measured
 * @throws UsageFailure that shows where the expression is wrong
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
    // The library throws an error for a missing field; its stack trace would take longer than everything else.
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
    if (type !== 'bool' && type !== 'dyn')
      throw new Error(`Its result is of type ${type}, not true or false`);
    checkConstants(environment, compiled.ast, text);
    checkPropertyNames(compiled.ast);
    return compiled as (variables: object) => unknown;
  } catch (cause) {
    const reason = (cause as Error).message.replaceAll(TYPE_VARIABLE, 'type');
    const example = /duration/i.test(reason)
      ? 'age > duration("24h")'
      : 'type == "request" && method.startsWith("elicitation/")';
    throw new UsageFailure(
      `The filter cannot be used: ${reason}`,
      `Example: ${example}; see "mcp-taskq help filters".`,
      cause,
    );
  }
}

/** Renames the variable `type` as found by the parser, so that strings and fields stay unchanged. */
function withTypeVariable(environment: Environment, expression: string): string {
  const types = [...nodesIn(environment.parse(expression).ast)].filter(
    ({ op, args }) => op === 'id' && args === 'type',
  );
  return types
    .map(({ range }) => range.start)
    .sort((a, b) => b - a)
    .reduce((text, at) => text.slice(0, at) + TYPE_VARIABLE + text.slice(at + 'type'.length), expression);
}

import { isUtf8 } from 'node:buffer';
import { Environment } from '@marcbachmann/cel-js';
import type { StoredMessage } from '../../index.ts';
import { CommandFailure } from '../command-failure.ts';
import { ExitCode } from '../exit-codes.ts';
import { summarize } from '../message-summary.ts';

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

/** CEL's own `type` is a function, and its name is not free for a variable. Expressions say `type` all the same. */
const TYPE_VARIABLE = 'message_type';

export type MessageFilter = (message: StoredMessage) => boolean;

/**
 * Reads a filter expression.
 * @param now the time that ages are reckoned from
 * @throws CommandFailure (usage) saying where the expression is wrong
 */
export function parseFilter(expression: string, now: () => number = Date.now): MessageFilter {
  const environment = new Environment();
  for (const [name, type] of Object.entries(VARIABLES)) environment.registerVariable(name, type);
  environment.registerVariable(TYPE_VARIABLE, 'string');
  const toDuration = new Environment().registerVariable('text', 'string').parse('duration(text)');
  const matches = compile(environment, expression);
  return (message) => {
    const { type, method = '', queuedAt } = summarize(message);
    const body = bodyOf(message);
    const at = now();
    const variables = {
      [TYPE_VARIABLE]: type,
      task_id: message.taskId,
      method,
      id: body?.message?.id ?? null,
      age: toDuration({ text: `${Math.max(0, Math.round(at - (queuedAt ?? at)))}ms` }),
      size: BigInt(message.body.length),
      redelivered: message.redelivered,
      properties: message.properties,
      body,
      params: body?.message?.params ?? null,
    };
    try {
      return matches(variables) === true;
    } catch {
      // A field that this message has not, or of another type than it was compared with: no match.
      return false;
    }
  };
}

function compile(environment: Environment, expression: string): (variables: object) => unknown {
  try {
    const compiled = environment.parse(withTypeVariable(environment, expression));
    const { valid, error, type } = compiled.check();
    if (!valid) throw error;
    if (type !== 'bool' && type !== 'dyn') throw new Error(`It is a ${type}, not true or false`);
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

// biome-ignore lint/suspicious/noExplicitAny: a body may be anything
function bodyOf({ body }: StoredMessage): any {
  if (!isUtf8(body)) return null;
  const text = body.toString();
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

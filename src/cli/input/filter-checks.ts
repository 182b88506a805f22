import type { ASTNode, Environment } from '@marcbachmann/cel-js';
import { PROPERTY_NAMES } from '../../cli-support.ts';
import { closest } from '../text/near-misses.ts';

/*
 * Errors in a filter that can be found without a message.
 */

/**
 * Evaluates the parts of an expression that do not depend on a message: `duration("1d")`, `timestamp("today")`, and the
 * pattern of `matches("[")`.
 * @throws EvaluationError for a part that cannot be evaluated
 */
export function checkConstants(environment: Environment, ast: ASTNode, expression: string): void {
  for (const node of nodesIn(ast)) {
    const { start, end } = node.range;
    if (node.op !== 'value' && isConstant(node)) environment.evaluate(expression.slice(start, end), {});
    const pattern = patternOf(node);
    if (pattern !== undefined) environment.evaluate(`"".matches(${JSON.stringify(pattern)})`, {});
  }
}

/** @throws Error for a property that is not in AMQP: no message can ever have it */
export function checkPropertyNames(ast: ASTNode): void {
  for (const node of nodesIn(ast)) {
    const name = propertyOf(node);
    if (name === undefined || PROPERTY_NAMES.has(name)) continue;
    const meant = closest(name, PROPERTY_NAMES)[0];
    const proposal = meant === undefined ? 'Headers are properties.headers["…"].' : `Did you mean ${meant}?`;
    throw new Error(`Messages have no property ${JSON.stringify(name)}. ${proposal}`);
  }
}

/** The name in `properties.name` or `properties["name"]`. */
function propertyOf({ op, args }: ASTNode): string | undefined {
  if (op !== '.' && op !== '[]') return undefined;
  const [of, name] = args as [ASTNode, string | ASTNode];
  if (of.op !== 'id' || of.args !== 'properties') return undefined;
  if (typeof name === 'string') return name;
  return name.op === 'value' && typeof name.args === 'string' ? name.args : undefined;
}

/** The pattern in `….matches("pattern")`. */
function patternOf({ op, args }: ASTNode): string | undefined {
  if (op !== 'rcall') return undefined;
  const [name, , [pattern]] = args as [string, ASTNode, ASTNode[]];
  return name === 'matches' && pattern?.op === 'value' && typeof pattern.args === 'string'
    ? pattern.args
    : undefined;
}

function isConstant(ast: ASTNode): boolean {
  for (const { op } of nodesIn(ast)) if (op === 'id') return false;
  return true;
}

/** An expression and all in it. */
export function* nodesIn(value: unknown): Generator<ASTNode> {
  if (Array.isArray(value)) {
    for (const each of value) yield* nodesIn(each);
  } else if (typeof value === 'object' && value !== null && 'op' in value && 'args' in value) {
    yield value as ASTNode;
    yield* nodesIn(value.args);
  }
}

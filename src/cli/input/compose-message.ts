import type { Context } from '../context.ts';
import { ask } from '../terminal/prompts.ts';
import { safeId } from '../text/terminal-text.ts';
import { UsageFailure } from '../usage-failure.ts';

export const COMPOSABLE_TYPES = ['request', 'notification'] as const;

export interface MessageParts {
  type?: (typeof COMPOSABLE_TYPES)[number] | undefined;
  method?: string | undefined;
  /** JSON text of an object. */
  params?: string | undefined;
  id?: string | undefined;
}

/**
 * Composes the JSON-RPC text of a message from its parts. Without a type, an id makes it a request, otherwise it is a
 * notification. A request without an id gets a new one. The text of `params` is not changed.
 */
export function composeMessage({ type, method, params, id }: MessageParts): string {
  if (method === undefined) throw new UsageFailure('A message composed from parts needs --method');
  const isRequest = (type ?? (id === undefined ? 'notification' : 'request')) === 'request';
  if (!isRequest && id !== undefined) throw new UsageFailure('A notification cannot have an --id');
  const members = ['"jsonrpc":"2.0"'];
  if (isRequest) members.push(`"id":${idText(id ?? crypto.randomUUID())}`);
  members.push(`"method":${JSON.stringify(method)}`);
  const problem = params === undefined ? undefined : paramsProblem(params);
  if (problem !== undefined) throw new UsageFailure(`--params ${problem}`);
  if (params !== undefined) members.push(`"params":${params}`);
  return `{${members.join(',')}}`;
}

/** A whole number that every JSON reader reads exactly stays one, as most JSON-RPC ids are; anything else becomes a string. */
function idText(id: string): string {
  return String(Number(id)) === id && Number.isSafeInteger(Number(id)) ? id : JSON.stringify(id);
}

/** What is wrong with the text of params, or undefined. */
function paramsProblem(params: string): string | undefined {
  try {
    const value: unknown = JSON.parse(params);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? undefined
      : 'is not a JSON object';
  } catch (error) {
    return `is not JSON (${(error as Error).message})`;
  }
}

/** Asks for the parts of a message, on stderr, so that stdout stays free for the result. */
export async function askForMessage(context: Pick<Context, 'stop'>, taskId: string): Promise<MessageParts> {
  const what = `Type of the message for task ${safeId(taskId)}:`;
  const type = await ask(context, what, ({ select }, where) =>
    select({ message: what, choices: COMPOSABLE_TYPES.map((value) => ({ value })) }, where),
  );
  const method = await ask(context, 'Method', ({ input }, where) =>
    input({ message: 'Method', default: METHODS[type], required: true }, where),
  );
  const about = 'Params, a JSON object (empty for none)';
  const validate = (text: string) =>
    text.trim() === '' || (paramsProblem(text)?.replace(/^is/, 'This is') ?? true);
  const params = await ask(context, about, ({ input }, where) => input({ message: about, validate }, where));
  return { type, method, ...(params.trim() !== '' && { params }) };
}

const METHODS = { request: 'elicitation/create', notification: 'notifications/message' };

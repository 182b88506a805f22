import { spawn } from 'node:child_process';
import type { StoredMessage } from '../index.ts';
import { CommandFailure } from './command-failure.ts';
import { ExitCode } from './exit-codes.ts';
import { summarize } from './message-summary.ts';

/** The operating system refuses larger environments; a message with such a header still has its body. */
const MAX_VARIABLE = 32 * 1024;

/**
 * Runs a shell command for one message: the body is its standard input, properties are in its environment,
 * and its output is ours.
 * @throws CommandFailure when it could not be started or did not exit with 0
 */
export async function runForMessage(shellCommand: string, message: StoredMessage): Promise<void> {
  const child = spawn(shellCommand, {
    shell: true,
    stdio: ['pipe', 'inherit', 'inherit'],
    env: { ...process.env, ...(await environmentOf(message)) },
  });
  // A command that does not read its input is free to do so.
  child.stdin.on('error', () => {});
  child.stdin.end(message.body);
  const outcome = await new Promise<string | undefined>((resolve) => {
    child.once('error', ({ message: reason }) => resolve(`could not be started: ${reason}`));
    child.once('close', (status, signal) => {
      resolve(status === 0 ? undefined : signal ? `was ended by ${signal}` : `exited with ${status}`);
    });
  });
  if (outcome !== undefined) {
    throw new CommandFailure(ExitCode.failed, `The command ${JSON.stringify(shellCommand)} ${outcome}`);
  }
}

async function environmentOf(message: StoredMessage): Promise<Record<string, string>> {
  const { propertiesToJson, propertyText } = await import('../index.ts');
  const { type, method, id } = summarize(message);
  const { headers, ...properties } = message.properties;
  const variables: Record<string, string | undefined> = {
    TASK_ID: message.taskId,
    REDELIVERED: String(message.redelivered),
    MESSAGE_TYPE: type,
    METHOD: method,
    ID: id,
    HEADERS: headers && JSON.stringify(propertiesToJson({ headers }).headers),
    ...Object.fromEntries(
      Object.entries(properties).map(([name, value]) => [
        `PROPERTY_${name.toUpperCase()}`,
        propertyText(value),
      ]),
    ),
  };
  return Object.fromEntries(
    Object.entries(variables)
      .filter((entry): entry is [string, string] => entry[1] !== undefined)
      // No variable can hold a NUL.
      .filter(([, value]) => value.length <= MAX_VARIABLE && !value.includes('\0'))
      .map(([name, value]) => [`MCP_TASKQ_${name}`, value]),
  );
}

import { getSystemErrorMap } from 'node:util';

/*
 * The errors of the operating system and Node for a connection that cannot be opened, over AMQP or HTTP,
 * https://nodejs.org/api/errors.html#common-system-errors, in words.
 */
const REASONS: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'the host name is unknown',
  EAI_AGAIN: 'the host name could not be looked up',
  EHOSTUNREACH: 'there is no route to the host',
  ENETUNREACH: 'there is no route to the network',
  EADDRNOTAVAIL: 'the address cannot be reached from this machine',
  ETIMEDOUT: 'the host did not answer in time',
  EACCES: 'this machine does not allow the connection',
  ECONNRESET: 'the other side reset the connection',
  ECONNABORTED: 'the connection was aborted',
  EPIPE: 'the other side ended the connection',
  EMFILE: 'this process has too many open files (ulimit -n)',
  ENFILE: 'this machine has too many open files',
  ERR_ACCESS_DENIED: 'the permission model of Node does not allow network access',
};

/** @returns undefined for a code that is not of the operating system or of Node's look-up of names */
export function networkFailure(code: unknown): string | undefined {
  if (typeof code !== 'string') return undefined;
  if (Object.hasOwn(REASONS, code)) return REASONS[code];
  const [, text] = [...getSystemErrorMap().values()].find(([name]) => name === code) ?? [];
  return text;
}

/** Whether it says nothing about the other side. */
export function isOutOfFiles(code: unknown): boolean {
  return code === 'EMFILE' || code === 'ENFILE';
}

/** Whether the peer accepted the connection and then closed it: the port may belong to something else. */
export function isHungUp(code: unknown): boolean {
  return code === 'ECONNRESET' || code === 'EPIPE' || code === 'ECONNABORTED';
}

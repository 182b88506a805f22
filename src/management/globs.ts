/*
 * Glob patterns for task ids, like a shell's but without brackets, which ids may contain: `*` matches any text, `?`
 * any one character, and `\` escapes the next character.
 */

type Token = { kind: 'any' } | { kind: 'one' } | { kind: 'literal'; text: string };

function tokens(glob: string): Token[] {
  const found = glob.matchAll(/\\([\s\S])|(\*)|(\?)|([\s\S])/gu);
  return [...found].map(([, escaped, any, one, literal]) => {
    if (any) return { kind: 'any' };
    if (one) return { kind: 'one' };
    return { kind: 'literal', text: (escaped ?? literal) as string };
  });
}

/** Whether a whole task id matches. */
export function globMatcher(glob: string): (taskId: string) => boolean {
  const source = tokens(glob).map((token) =>
    token.kind === 'any' ? '.*' : token.kind === 'one' ? '.' : escapeRegex(token.text),
  );
  const pattern = new RegExp(`^${source.join('')}$`, 'su');
  return (taskId) => pattern.test(taskId);
}

/**
 * A regular expression for the management API that matches at least the queues that the glob matches. It matches more
 * outside ASCII, where RabbitMQ compares bytes.
 */
export function globToServerRegex(prefix: string, glob: string): string {
  const inPrefix = [...prefix].map((text): Token => ({ kind: 'literal', text }));
  const source = [...inPrefix, ...tokens(glob)].map((token) => {
    if (token.kind === 'any') return '.*';
    if (token.kind === 'one') return '.{1,4}';
    return /^[\x20-\x7e]$/.test(token.text) ? escapeRegex(token.text) : '.{1,4}';
  });
  return `^${source.join('')}$`;
}

function escapeRegex(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}

/**
 * Whether a full queue drops its oldest message, which is the default, or rejects a new one. A quorum queue does not know
 * `reject-publish-dlx`, and drops. Which of an argument and a policy holds depends on the type and the version of RabbitMQ:
 * both have to reject.
 */
export function dropsWhenFull(type: string, ...overflows: unknown[]): boolean {
  const rejecting = type === 'quorum' ? ['reject-publish'] : ['reject-publish', 'reject-publish-dlx'];
  const set = overflows.filter((each) => each !== undefined);
  return set.length === 0 || set.some((each) => !rejecting.includes(each as string));
}

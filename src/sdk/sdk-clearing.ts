/**
 * True within a call that the MCP SDK (1.24 to 1.32) makes to clear the queue of a task. It does so in a method whose
 * promise it drops: nobody could catch a rejection, and it would end the process. Every other caller can catch one, so
 * the two are told apart, by the only means there is.
 */
export function isSdkClearing(): boolean {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 10;
  const trace: { stack?: string } = {};
  Error.captureStackTrace(trace, isSdkClearing);
  Error.stackTraceLimit = stackTraceLimit;
  return String(trace.stack).includes('._clearTaskQueue ');
}

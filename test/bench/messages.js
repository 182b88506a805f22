/** What a server queues while a task runs, of a usual size. @returns {import('mcp-taskq').QueueableMessage} */
export function progressMessage(progress) {
  return {
    type: 'notification',
    timestamp: Date.now(),
    message: {
      jsonrpc: '2.0',
      method: 'notifications/progress',
      params: {
        progressToken: 'c1f7c3b2-5d0e-4f6a-9a57-3f1f6e0c2f11',
        progress,
        total: 100_000,
        message: `Looked at ${progress} of 100000 files; nothing to complain about so far.`,
      },
    },
  };
}

/** The same as it is on the wire. */
export function progressBody(progress) {
  const { type, message, timestamp } = progressMessage(progress);
  const envelope = { type, message, timestamp: new Date(timestamp).toISOString(), original_request_id: null };
  return Buffer.from(JSON.stringify(envelope));
}

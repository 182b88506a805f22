/** What `mcp-taskq help <topic>` explains, beside the commands: each in a phrase. Its page is `topics/<topic>.md`. */
export const HELP_TOPICS: Readonly<Record<string, string>> = {
  connection: 'name a broker: URL, environment, password, management API',
  contexts: 'give brokers names, and protect some of them',
  tls: 'encrypted connections, client certificates',
  permissions: 'minimum permissions for each job; security',
  policies: 'limits, expiry and cleaning up',
  quorum: 'replicated queues in a cluster',
  watching: 'how watch sees messages, and what it cannot see',
  filters: 'expressions for --filter',
  output: 'output formats, and the record of a message',
  replay: 'drain and replay, and what changes on the way',
  'exit-codes': 'what each exit status means',
  monitoring: 'check, status and describe in scripts',
  guarantees: 'what is promised, and known gaps',
  troubleshooting: 'what a message means, and what to do',
  embedding: 'the library in an MCP server: options, status, tracing',
  replicas: 'several server objects that serve the same tasks',
};

export interface HelpTopic {
  /** What it answers, in a phrase. */
  summary: string;
  /** Its Markdown, which the repository's pages show as well. */
  load: () => Promise<{ default: string }>;
}

/** What `mcp-taskq help <topic>` explains, beside the commands. */
export const HELP_TOPICS: Readonly<Record<string, HelpTopic>> = {
  connection: {
    summary: 'name a broker: URL, environment, password, management API',
    load: () => import('./topics/connection.md'),
  },
  contexts: {
    summary: 'give brokers names, and protect some of them',
    load: () => import('./topics/contexts.md'),
  },
  tls: {
    summary: 'encrypted connections, client certificates',
    load: () => import('./topics/tls.md'),
  },
  permissions: {
    summary: 'minimum permissions for each job; security',
    load: () => import('./topics/permissions.md'),
  },
  policies: {
    summary: 'limits, expiry and cleaning up',
    load: () => import('./topics/policies.md'),
  },
  quorum: {
    summary: 'replicated queues in a cluster',
    load: () => import('./topics/quorum.md'),
  },
  watching: {
    summary: 'how watch sees messages, and what it cannot see',
    load: () => import('./topics/watching.md'),
  },
  filters: {
    summary: 'expressions for --filter',
    load: () => import('./topics/filters.md'),
  },
  output: {
    summary: 'output formats, and the record of a message',
    load: () => import('./topics/output.md'),
  },
  replay: {
    summary: 'drain and replay, and what changes on the way',
    load: () => import('./topics/replay.md'),
  },
  'exit-codes': {
    summary: 'what each exit status means',
    load: () => import('./topics/exit-codes.md'),
  },
  monitoring: {
    summary: 'check, status and describe in scripts',
    load: () => import('./topics/monitoring.md'),
  },
  guarantees: {
    summary: 'what is promised, and known gaps',
    load: () => import('./topics/guarantees.md'),
  },
  troubleshooting: {
    summary: 'what a message means, and what to do',
    load: () => import('./topics/troubleshooting.md'),
  },
  embedding: {
    summary: 'the library in an MCP server: options, status, tracing',
    load: () => import('./topics/embedding.md'),
  },
  replicas: {
    summary: 'several server objects that serve the same tasks',
    load: () => import('./topics/replicas.md'),
  },
};

/** For a user who lacks a permission. */
export function grantHint(vhost = '/', user = 'USER'): string {
  return `Grant it (expressions: mcp-taskq help permissions): rabbitmqctl set_permissions -p ${quoted(vhost)} ${quoted(user)} CONFIGURE WRITE READ.`;
}

/** For a user whose other permissions are restricted to some routing keys of a topic exchange. */
export function grantTopicHint(exchange: string, vhost = '/', user = 'USER'): string {
  return `Grant it: rabbitmqctl set_topic_permissions -p ${quoted(vhost)} ${quoted(user)} ${quoted(exchange)} WRITE READ.`;
}

/** As a word of a shell command. */
export function quoted(word = ''): string {
  return /^[\w./:@-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/**
 * The stream for everything except the requested data. Opened on first use, as that takes a millisecond. If its
 * reader has closed it, that is not a failure.
 */
export function standardError(): NodeJS.WriteStream {
  const { stderr } = process;
  if (stderr.listenerCount('error') === 0) stderr.on('error', () => {});
  return stderr;
}

/**
 * Where everything goes that is not the data asked for. Opened by the first who has something to say, as that takes a
 * millisecond. Whoever reads it may have left: that is no failure.
 */
export function standardError(): NodeJS.WriteStream {
  const { stderr } = process;
  if (stderr.listenerCount('error') === 0) stderr.on('error', () => {});
  return stderr;
}

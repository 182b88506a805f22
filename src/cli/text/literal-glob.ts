/** A glob pattern, as `listTaskQueues` takes it, that matches this text alone. */
export function literalGlob(text: string): string {
  return text.replace(/[*?\\]/g, '\\$&');
}

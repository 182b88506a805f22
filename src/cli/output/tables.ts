/** Columns of the terminal; of a file or pipe none are known. */
export function terminalWidth(): number {
  return process.stdout.columns || 120;
}

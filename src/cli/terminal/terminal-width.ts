/** Width of the terminal in columns, 80 if it does not say; 120 for a file or pipe. */
export function terminalWidth(): number {
  return process.stdout.columns || (process.stdout.isTTY ? 80 : 120);
}

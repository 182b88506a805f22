/** Width of the terminal in columns; 120 for a file or pipe. */
export function terminalWidth(): number {
  return process.stdout.columns || 120;
}

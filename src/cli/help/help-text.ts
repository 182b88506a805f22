/**
 * What a command is for, and then how it is used: the examples come before the list of options.
 * @param examples pairs of a command line and what it is good for
 */
export function describeWithExamples(
  description: string,
  examples: readonly (readonly [commandLine: string, purpose: string])[],
): string {
  const lines = examples.map(([commandLine, purpose]) => `  # ${purpose}\n  $ ${commandLine}`);
  // The lines of the source are joined: commander wraps them to the width of the terminal.
  return `${description.replace(/\s*\n\s*/g, ' ')}\n\nExamples:\n${lines.join('\n')}`;
}

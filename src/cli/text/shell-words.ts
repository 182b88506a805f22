/**
 * Quotes words for a shell. For zsh, a word that begins with = names a command. In fish, \\ and \' are escapes between single
 * quotes, too.
 */
export function shellWords(words: readonly string[]): string {
  return words
    .map((word) =>
      /^[\w@%+:,./-][\w@%+=:,./-]*$/.test(word) ? word : `'${word.replace(/'|\\(?=['\\]|$)/g, "'\\$&'")}'`,
    )
    .join(' ');
}

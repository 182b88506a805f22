/** Quotes words for a shell. */
export function shellWords(words: readonly string[]): string {
  return words
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
    .join(' ');
}

/** A command line with one option set to another value, wherever the option is. */
export function withOption(words: readonly string[], option: string, value: string): string[] {
  const kept: string[] = [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index] as string;
    if (word === option) index++;
    else if (!word.startsWith(`${option}=`)) kept.push(word);
  }
  return [...kept, option, value];
}

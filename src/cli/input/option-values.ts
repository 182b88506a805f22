import { InvalidArgumentError } from '@commander-js/extra-typings';

/** The options of a command, with the types that its declaration gives them. */
export type OptionsOf<Declare extends () => { opts(): object }> = ReturnType<ReturnType<Declare>['opts']>;

/** Option parser: most likely an unset variable of a shell. */
export function notBlank(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('It is empty.');
  return text;
}

/** Option parser: a whole number, `least` or more, and at most `most` if that is given. */
export function wholeNumber(least: number, most = Number.POSITIVE_INFINITY): (text: string) => number {
  const range = most === Number.POSITIVE_INFINITY ? `, ${least} or more` : ` from ${least} to ${most}`;
  return (text) => {
    const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (!(number >= least && number <= most))
      throw new InvalidArgumentError(`Expected a whole number${range}.`);
    return number;
  };
}

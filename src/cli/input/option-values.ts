import { InvalidArgumentError } from '@commander-js/extra-typings';

/** Option parser: most likely an unset variable of a shell. */
export function notBlank(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('It is empty.');
  return text;
}

/** Option parser: a whole number, `least` or more. */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (!(number >= least)) throw new InvalidArgumentError(`Expected a whole number, ${least} or more.`);
    return number;
  };
}

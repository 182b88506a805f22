import { InvalidArgumentError } from '@commander-js/extra-typings';

/** Option parser: most likely an unset variable of a shell. */
export function notBlank(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('It is empty.');
  return text;
}

import { cutStrings, JsonObjectText } from './json-bytes.ts';
import { parseExactJson } from './lenient-json.ts';

/** JSON of this size is parsed as it is: its values take some megabytes at most. */
const PARSED_BYTES = 512 * 1024;

/** The envelope, its message, and what that has: its members have names that readers know. */
const LEVELS = 3;

/** In place of an array or object that is too large to be parsed. */
export class JsonBeginning {
  /** As it is written. */
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/**
 * A JSON body for a reader who has no room for all of it, without the memory that all its values would take, which may
 * be thirty times its size. Strings are cut to about `most` bytes. Where that leaves much, objects are read member by
 * member, and everything large below them is a {@link JsonBeginning}.
 * @throws SyntaxError
 */
export function parseAbridged(body: Buffer, most: number): unknown {
  return abridged(cutStrings(body, most), most, LEVELS);
}

function abridged(json: Buffer, most: number, levels: number): unknown {
  if (json.length <= Math.max(most, PARSED_BYTES)) return parseExactJson(json.toString());
  const beginning = json.toString('utf8', 0, most);
  if (levels === 0 || !beginning.trimStart().startsWith('{')) return new JsonBeginning(beginning);
  const object = JsonObjectText.read(json);
  // Not JSON, or with the numbers that only Python writes.
  if (object === undefined) return parseExactJson(json.toString());
  const members = object.names.map((name) => [name, abridged(object.text(name) as Buffer, most, levels - 1)]);
  return Object.fromEntries(members);
}

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cutStrings, isJson, JsonObjectText } from '../../src/messages/json-bytes.ts';

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe('text is JSON for us when it is for JSON.parse:', () => {
  const WRITTEN = [
    '0 -0 01 -01 1. 1.0 .5 1e5 1E+5 1e 1e- 1.5e-3 - + 1e400 0x1 1_0 Infinity NaN',
    '"" "a" " \'a\' "\\n" "\\x" "\\u12" "\\u12g4" "\\ud800" "\t" "\u007f" "\u2028" "\\"" "\\\\" "a',
    '[] [1] [1,] [,1] [1,2] [1 2] [ [ ] ] [[] ] ] [1] [ {} {"a":1} {"a":1,} {,} {"a"} {"a":} {a:1} {"a":1,"a":2}',
    '{"a":[1,{"b":[]}]} {"a":1]} [1} {"a" {"a":1 true false null True nul nulll tru\u0065 //',
  ].flatMap((line) => line.split(' '));
  test.each([...WRITTEN, '', ' ', ' 1 ', '\n{\r\n"a" : [ 1 , 2 ] }\t', '\u00a01', '\ufeff1', '1 2', '{} {}'])(
    '%j',
    (text) => {
      expect(isJson(Buffer.from(text))).toBe(parses(text));
    },
  );

  test('any text of its characters, and any JSON with a character changed', () => {
    const character = fc.constantFrom(...' \n"\\{}[],:.-+eE01ua', 'true', 'null', '\\u00e9');
    fc.assert(
      fc.property(fc.array(character, { maxLength: 8 }), (characters) => {
        const text = characters.join('');
        expect(isJson(Buffer.from(text))).toBe(parses(text));
      }),
      { numRuns: 3000 },
    );
    fc.assert(
      fc.property(fc.json(), fc.nat(), character, (json, at, other) => {
        const place = at % (json.length + 1);
        const text = json.slice(0, place) + other + json.slice(place + 1);
        expect(isJson(Buffer.from(text))).toBe(parses(text));
      }),
      { numRuns: 3000 },
    );
  });

  test('however deeply it is nested', () => {
    const depth = 200_000;
    expect(isJson(Buffer.from('['.repeat(depth) + ']'.repeat(depth)))).toBe(true);
    expect(isJson(Buffer.from(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth - 1)}`))).toBe(false);
  });
});

describe('the members of a JSON object', () => {
  test('are found wherever JSON.parse finds them, as texts that mean the same', () => {
    const object = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue());
    fc.assert(
      fc.property(object, fc.constantFrom(undefined, 1, '\t'), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        const read = JsonObjectText.read(Buffer.from(text));
        for (const name of Object.keys(value)) expect(read?.value(name)).toEqual(JSON.parse(text)[name]);
      }),
    );
  });

  test('are as they are written, and the last one counts of two with one name', () => {
    const read = JsonObjectText.read(Buffer.from(' { "n" : 1.0 , "\\u006e":1e400,"é":"\\u00e9" } '));
    expect(read?.text('n')?.toString()).toBe('1e400');
    expect(read?.text('é')?.toString()).toBe('"\\u00e9"');
    expect(read?.value('é')).toBe('é');
    expect(read?.has('body')).toBe(false);
  });

  test.each(['[]', '1', '"{}"', '{"a":1', '{"a":1}}', '{"a":01}', ''])('%j is not an object', (text) => {
    expect(JsonObjectText.read(Buffer.from(text))).toBeUndefined();
  });
});

describe('JSON whose strings are cut', () => {
  const cut = (text: string, most: number) => cutStrings(Buffer.from(text), most).toString();
  // Characters of every length in UTF-8, and every kind of escape sequence.
  const written = fc
    .array(fc.constantFrom('a', 'é', '€', '😀', '\\n', '\\\\', '\\"', '\\u00e9', '\\ud83d\\ude00'), {
      maxLength: 30,
    })
    .map((parts) => `"${parts.join('')}"`);

  test('has the beginning of each, and everything else as it is', () => {
    fc.assert(
      fc.property(
        fc.array(written, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 8, max: 60 }),
        (strings, most) => {
          const values = JSON.parse(cut(`{"k":[1.0, ${strings}],"z":null}`, most));
          expect(Object.keys(values)).toEqual(['k', 'z']);
          for (const [index, string] of strings.entries()) {
            const whole: string = JSON.parse(string);
            const beginning: string = values.k[index + 1];
            // A surrogate pair of two escape sequences may be cut between them.
            expect(whole.startsWith(beginning)).toBe(true);
            if (Buffer.byteLength(string) <= most) expect(beginning).toBe(whole);
            // At most so much is missing as one sequence, or a run of backslashes, is long.
            expect(Buffer.byteLength(JSON.stringify(beginning))).toBeLessThanOrEqual(2 * most);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('keeps as much as it may, but for a part of a character', () => {
    expect(cut(JSON.stringify('x'.repeat(100)), 20)).toBe(JSON.stringify('x'.repeat(19)));
    expect(cut(JSON.stringify('é'.repeat(100)), 20)).toBe(JSON.stringify('é'.repeat(9)));
    expect(cut(`"${'\\u00e9'.repeat(100)}"`, 20)).toBe(`"${'\\u00e9'.repeat(3)}"`);
    expect(cut(`"${'\\\\'.repeat(100)}"`, 20)).toBe(`"${'\\\\'.repeat(9)}"`);
  });

  test.each(['\t', '\\x', '\\u12'])('is JSON only if it was: %j far into a string', (wrong) => {
    expect(isJson(cutStrings(Buffer.from(`["${'x'.repeat(100)}${wrong}"]`), 20))).toBe(false);
  });
});

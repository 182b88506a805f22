import { Chalk } from 'chalk';
import { describe, expect, test } from 'vitest';
import { shownWidth, wrap, wrapFor, wrapSentences } from '../../src/cli/text/wrap.ts';

const ID = '786512e2-1b2c-4d5e-8f90-a1b2c3d4e5f6';

describe('wrap', () => {
  test.each([
    ['fills lines with words', 'one two three four', 9, ['one two', 'three', 'four']],
    ['does not break a long word', `task ${ID} on mq`, 20, ['task', ID, 'on mq']],
    ['keeps the spaces within a line', 'a  b   c', 6, ['a  b', 'c']],
    [
      'keeps a quoted command whole',
      'hints: "mcp-taskq ls" lists them',
      18,
      ['hints:', '"mcp-taskq ls"', 'lists them'],
    ],
    [
      'keeps a command in parentheses whole',
      'enabled (rabbitmq-plugins enable x), right?',
      14,
      ['enabled', '(rabbitmq-plugins enable x),', 'right?'],
    ],
    ['knows escaped quotes', 'the "a \\" b" and c', 10, ['the', '"a \\" b"', 'and c']],
    ['treats a single quote as any character', 'an " odd one', 5, ['an "', 'odd', 'one']],
    ['counts wide characters twice', '三つ の古い', 9, ['三つ', 'の古い']],
    ['leaves an empty text', '', 10, ['']],
  ])('%s', (_what, text, room, expected) => {
    expect(wrap(text, room)).toEqual(expected);
  });

  test('does not count colours', () => {
    const colors = new Chalk({ level: 1 });
    expect(wrap(`${colors.red('one')} two`, 7)).toHaveLength(1);
    expect(shownWidth(colors.red('三つ'))).toBe(4);
  });
});

describe('sentences on a terminal', () => {
  test('are wrapped line by line; lines that are laid out already are not', () => {
    const text = 'Stopped: 3 of 9 messages.\n  a long line that is laid out';
    expect(wrapSentences(text, 12)).toBe('Stopped: 3\nof 9\nmessages.\n  a long line that is laid out');
  });

  test.each([
    `To resume: mcp-taskq enqueue ${ID} --from messages.jsonl --skip 3`,
    'hint: rabbitmqctl set_permissions -p / ops CONFIGURE WRITE READ # three regular expressions',
    "hint: printf %s PASSWORD | mcp-taskq context set prod --store-password --description 'two words'",
    'hint: Convert it: iconv -f UTF-16LE -t UTF-8 messages.txt | mcp-taskq … -',
    'hint: Check the file, then: chmod 600 /home/ops/.config/mcp-taskq/contexts.json',
    'hint: To keep it as a line of its own: echo >> drained.jsonl',
    'hint: To do it anyway, first: rm /var/tmp/drained/drained.jsonl.dedfb5ecbf47.mcp-taskq-unfinished',
    `hint: To send those of task a: grep '^{"task_id": *"a"' drained.jsonl | mcp-taskq enqueue a --from -`,
    `hint: To send those of task a: jq -c 'select(.task_id == "a")' a.json | mcp-taskq enqueue a --from -`,
    'hint: Convert it: zstd -dc messages.jsonl.zst | mcp-taskq … -',
  ])('keep the command whole in %s', (text) => {
    const command = /(?<=: )(?!To|Check|Convert).*$/.exec(text)?.[0];
    for (const width of [40, 60, 80])
      expect(wrapSentences(text, width).split('\n').at(-1)).toContain(command);
  });

  test('are unchanged where nobody reads them, in a file or pipe', () => {
    const text = 'a sentence that is longer than ten columns';
    expect(wrapFor({}, text)).toBe(text);
    expect(wrapFor({ isTTY: false, columns: 10 }, text)).toBe(text);
    expect(wrapFor({ isTTY: true, columns: 10 }, text)).not.toBe(text);
  });
});

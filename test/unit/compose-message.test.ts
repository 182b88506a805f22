import { expect, test } from 'vitest';
import { composeMessage } from '../../src/cli/input/compose-message.ts';

test.each([
  ['7', 7],
  ['0', 0],
  ['-1', -1],
  ['1700000000000000', 1_700_000_000_000_000],
  ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ['9007199254740993', '9007199254740993'],
  ['007', '007'],
  ['-0', '-0'],
  ['1.5', '1.5'],
  ['1e3', '1e3'],
  ['Infinity', 'Infinity'],
])('the id %s of a request becomes %j', (id, expected) => {
  expect(JSON.parse(composeMessage({ method: 'ping', id }))).toMatchObject({ id: expected });
});

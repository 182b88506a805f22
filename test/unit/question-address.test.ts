import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { formatAddress, parseAddress, randomToken, Seals } from '../../src/replicas/question-address.ts';

const address = { instance: randomToken(), serial: randomToken() };
const alice = { principal: 'alice', session: 's1' };
const seals = new Seals(randomBytes(32));
const sealed = seals.seal(address, alice);

test('an address is read back from the id of a question, and from nothing else', () => {
  const id = formatAddress(address);
  expect(parseAddress(id)).toEqual(address);
  const others = [
    0,
    '',
    '0',
    null,
    undefined,
    {},
    [id],
    ` ${id}`,
    `${id}\n`,
    `${id}.`,
    id.slice(0, -1),
    sealed,
  ];
  for (const other of others) expect(parseAddress(other)).toBeUndefined();
});

test('a sealed user is recognised, and does not show who it is', () => {
  const [one, two] = [seals.sealOwner('alice'), seals.sealOwner('alice')];
  expect(one).not.toBe(two);
  expect([one, two].map((each) => seals.isOwner(each, 'alice'))).toEqual([true, true]);
  expect(new Seals(randomBytes(32)).isOwner(one, 'alice')).toBe(false);
  for (const other of ['bob', '', undefined]) expect(seals.isOwner(one, other)).toBe(false);
  for (const other of ['', 'alice', `${one}x`, one.slice(1)])
    expect(seals.isOwner(other, 'alice')).toBe(false);
});

test('a secret that is overwritten once it was handed over still seals as before', () => {
  const secret = randomBytes(32);
  const [kept, handedOver] = [new Seals(secret), Buffer.from(secret)];
  const own = new Seals(handedOver);
  handedOver.fill(0);
  expect(own.seal(address, alice)).toBe(kept.seal(address, alice));
});

describe('a sealed address', () => {
  test('is opened for whom it was sealed', () => {
    expect(seals.open(sealed, alice)).toEqual(address);
    expect(sealed).toMatch(/^[\w.-]+$/);
  });

  test.each([
    { principal: 'bob', session: 's1' },
    { principal: undefined, session: 's1' },
    { principal: 'alice', session: 's2' },
    { principal: 'alice', session: '' },
    { principal: 'alices1', session: '' },
    { principal: '', session: 'alices1' },
  ])('is not opened for %j', (recipient) => {
    expect(seals.open(sealed, recipient)).toBeUndefined();
  });

  test('is not opened with another secret, nor when anything in it is changed', () => {
    expect(new Seals(randomBytes(32)).open(sealed, alice)).toBeUndefined();
    for (let index = 0; index < sealed.length; index++) {
      const changed = sealed.slice(0, index) + (sealed[index] === 'A' ? 'B' : 'A') + sealed.slice(index + 1);
      expect(seals.open(changed, alice)).toBeUndefined();
      expect(seals.open(sealed.slice(0, index), alice)).toBeUndefined();
    }
    for (const more of [`${sealed}A`, `${sealed}=`, `${sealed}\n`, ` ${sealed}`]) {
      expect(seals.open(more, alice)).toBeUndefined();
    }
  });
});

import { expect, test } from 'vitest';
import { orderedJoin } from '../../src/management/ordered-join.ts';

async function* pages(...some: string[]) {
  for (const names of some) yield names === '' ? [] : names.split(' ').map((name) => ({ name }));
}

async function join(items: AsyncIterable<{ name: string }[]>, others: AsyncIterable<{ name: string }[]>) {
  const pairs: string[] = [];
  for await (const page of orderedJoin(items, others))
    pairs.push(...page.map(({ item, other }) => `${item.name}=${other?.name ?? ''}`));
  return pairs.join(' ');
}

test('puts together what has the same name, however the two lists are cut', async () => {
  expect(await join(pages('a b', 'd e'), pages('b', '', 'c d e', 'f'))).toBe('a= b=b d=d e=e');
  expect(await join(pages('a', 'b', 'c'), pages('a b c'))).toBe('a=a b=b c=c');
  expect(await join(pages('a b c'), pages('a', '', 'b', 'c'))).toBe('a=a b=b c=c');
  expect(await join(pages('a b', 'c'), pages('a', 'd'))).toBe('a=a b= c=');
  expect(await join(pages('a'), pages())).toBe('a=');
  expect(await join(pages(), pages('a'))).toBe('');
});

test('takes the order for that of the bytes, as RabbitMQ sorts', async () => {
  // In UTF-16, as JavaScript compares, the second comes before the first.
  const names = '\uffee \u{1f600}';
  expect(await join(pages(names), pages(names))).toBe('\uffee=\uffee \u{1f600}=\u{1f600}');
});

test('fails with either list, and lets go of the other', async () => {
  let released = 0;
  async function* endless() {
    try {
      for (let index = 0; ; index++) yield [{ name: String(index).padStart(9, '0') }];
    } finally {
      released++;
    }
  }
  // biome-ignore lint/correctness/useYield: it fails instead
  async function* failing(): AsyncGenerator<{ name: string }[]> {
    throw new Error('gone');
  }
  await expect(join(endless(), failing())).rejects.toThrow('gone');
  await expect(join(failing(), endless())).rejects.toThrow('gone');
  expect(released).toBe(2);
});

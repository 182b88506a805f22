import { expect, test } from 'vitest';
import { Seals } from '../../src/replicas/question-address.ts';
import { TaskOwners } from '../../src/replicas/task-owners.ts';

const stored = (headers: { [name: string]: string }) => ({
  taskId: 'task',
  redelivered: false,
  properties: { headers },
  body: Buffer.from('{}'),
});

test('what is known of the owner of a task stays, whatever a message says', () => {
  const seals = new Seals('a secret of 16 bytes');
  const [creator, other] = [new TaskOwners(seals), new TaskOwners(seals)];
  creator.noteCreator('task', 'alice');
  creator.noteMessage('task', stored({ 'x-mcp-owner': 'whatever' }));
  other.noteMessage('task', stored(creator.headers('task') ?? {}));
  for (const owners of [creator, other]) {
    expect(() => owners.check('task', 'alice')).not.toThrow();
    expect(() => owners.check('task', 'mallory')).toThrow('belongs to another user');
  }
});

test('the owner of a task that has messages is known, however many other tasks there are', () => {
  const owners = new TaskOwners(new Seals('a secret of 16 bytes'));
  owners.noteCreator('task', 'alice');
  const headers = owners.headers('task') ?? {};
  // More than are remembered since it was created, and fewer since it had a message.
  for (let n = 0; n < 60_000; n++) {
    owners.noteMessage(`other-${n}`, stored(headers));
    if (n === 40_000) owners.headers('task');
  }
  expect(() => owners.check('task', 'mallory')).toThrow('belongs to another user');
});

import { describe, expect, test } from 'vitest';
import { excerptLog } from '../../src/local-broker/log-excerpt.ts';

const line = (level: string, text: string) =>
  `\u001b[38;5;87m2026-11-23 08:41:48.261568+00:00 [${level}] <0.130.0> ${text}\u001b[0m`;

describe('the excerpt of a log', () => {
  test('is what the first errors say, without time, process and colours', () => {
    const log = [
      line('info', 'starting'),
      line('error', 'the port is taken'),
      line('error', ''),
      ...Array.from({ length: 40 }, (_, index) => line('error', `detail ${index}`)),
      'Crash dump is being written',
    ].join('\n');
    const lines = excerptLog(log).split('\n');
    expect(lines).toHaveLength(15);
    expect(lines.slice(0, 2)).toEqual(['the port is taken', 'detail 0']);
  });

  test('is the end when nothing calls itself an error, with long lines cut', () => {
    const log = `first\n\n${'more\n'.repeat(20)}${'x'.repeat(300)}\n`;
    const lines = excerptLog(log).split('\n');
    expect(lines).toHaveLength(15);
    expect(lines.at(-1)).toBe(`${'x'.repeat(200)} …`);
  });

  test('is empty when there is none', () => {
    expect(excerptLog('')).toBe('');
  });
});

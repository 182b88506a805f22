// Puts two runs of `npm run bench` into one table: `node test/bench/side-by-side.js quiet quiet.md busy busy.md`,
// a name and a file for each. Times are those of the first.
import { readFileSync } from 'node:fs';
import { TABLE_HEAD } from './report.js';

const [firstName, firstFile, secondName, secondFile] = process.argv.slice(2);
if (!secondFile) throw new Error('Say two runs: a name and a file for each');

const [first, second] = [rows(firstFile), rows(secondFile)];
const works = (table) => JSON.stringify(table.map(([work, , their]) => [work, their?.split(':')[0]]));
if (works(first) !== works(second)) throw new Error('The two runs are not of the same work');

const [work, own, peer, ratio, goal] = first[0];
const spread = ratio.replace(/^ratio of times: /, '');
const head = [work, own, peer, `${firstName}: ${spread}`, secondName, goal, ''];
const body = first.slice(2).map((row, index) => joined(row, second[index + 2]));
const lines = [head, head.map(() => '---'), ...body];
process.stdout.write(lines.map((cells) => `| ${cells.join(' | ')} |\n`).join(''));

/** The cells of the table, its head included. @param {string} file */
function rows(file) {
  const lines = readFileSync(file, 'utf8').split('\n');
  const start = lines.indexOf(TABLE_HEAD[0] ?? '');
  if (start < 0) throw new Error(`${file} has no table in it`);
  return lines.slice(start).flatMap((line) => {
    const cells = line.split('|').slice(1, -1);
    return cells.length > 0 ? [cells.map((cell) => cell.trim())] : [];
  });
}

function joined([work, own, peer, ratio, goal, verdict], [, , , otherRatio, , otherVerdict]) {
  return [work, own, peer, ratio, otherRatio, goal, bothVerdicts(verdict, otherVerdict)];
}

/** A verdict that is not certain has an interval with it. */
function bothVerdicts(verdict, otherVerdict) {
  const [[said, interval], [otherSaid, otherInterval]] = [verdict, otherVerdict].map((one) =>
    one.split(/ (?=\()/),
  );
  if (said !== otherSaid) return `${firstName} ${verdict}, ${secondName} ${otherVerdict}`;
  const intervals = [
    interval && `${firstName} ${interval.slice(1, -1)}`,
    otherInterval && `${secondName} ${otherInterval.slice(1, -1)}`,
  ].filter(Boolean);
  return intervals.length > 0 ? `${said} (${intervals.join(', ')})` : said;
}

/** What an operation says that it has done, by the numbers of messages. */
export interface Account {
  /** In the order of the calls: confirmed or not. */
  published: number[];
  /** Published, and certainly in the queue. */
  confirmed: Set<number>;
  /** Published, and certainly not in the queue. */
  refused: Set<number>;
  /** Handed over to the caller, in order. */
  handed: number[];
  /** Of those, the first so many are certainly removed. */
  removed: number;
  /** Why it failed, or that it says that something may be there twice. */
  failure?: string | undefined;
}

/** What was in the queues, which of them the operation read and which it wrote, and what is in them now. */
export interface Audit {
  before: readonly [readonly number[], readonly number[]];
  after: readonly [readonly number[], readonly number[]];
  account: Account;
  /**
   * Taken shortly before: their acknowledgements may have been cut off. Then they come back to their place, from where a
   * move takes them with it.
   */
  mayReturn?: readonly [readonly number[], readonly number[]] | undefined;
  reads?: 0 | 1 | undefined;
  writes?: 0 | 1 | undefined;
  /** A queue that was deleted meanwhile. */
  deleted?: 0 | 1 | undefined;
}

const isMove = ({ reads, writes }: Audit) => reads !== undefined && writes !== undefined;

/** Messages that should be somewhere and are nowhere. */
export function missing(audit: Audit): number[] {
  const { before, after, account, reads, writes, deleted } = audit;
  const found = new Set([...after[0], ...after[1], ...account.handed]);
  const expected = ([0, 1] as const).flatMap((task) => {
    // What was in a queue when it was deleted is gone, and so is what was on its way there.
    const isGone = deleted === task || (isMove(audit) && task === reads && deleted === writes);
    return isGone ? [] : before[task];
  });
  const published = deleted === writes ? [] : account.confirmed;
  return [...expected, ...published].filter((number) => !found.has(number));
}

/** Whatever is not as it may be, in words; missing messages apart. */
export function complaints(audit: Audit): string[] {
  const { before, after, account, reads, writes, mayReturn = [[], []] } = audit;
  const wrong: string[] = [];
  const removed = new Set(account.handed.slice(0, account.removed));
  for (const task of [0, 1] as const) {
    const inQueue = after[task];
    const source = reads as 0 | 1;
    const moved = isMove(audit) && task === writes ? [...mayReturn[source], ...before[source]] : [];
    const allowed = [
      ...mayReturn[task],
      ...before[task],
      ...moved,
      ...(task === writes ? account.published : []),
    ];
    if (!isSubsequence(inQueue, allowed)) {
      wrong.push(`queue ${task} has ${inQueue}, which is not from ${allowed} in this order, each once`);
    }
    for (const number of inQueue) {
      if (account.refused.has(number)) wrong.push(`${number} was refused and is in queue ${task}`);
      if (task === reads && removed.has(number)) wrong.push(`${number} was removed and is in queue ${task}`);
    }
  }
  const twice = after[0].filter((number) => after[1].includes(number));
  if (twice.length > 0 && account.failure === undefined)
    wrong.push(`in both queues without a word: ${twice}`);
  if (reads !== undefined && !isSubsequence(account.handed, [...mayReturn[reads], ...before[reads]])) {
    wrong.push(`handed over ${account.handed}, which is not from ${before[reads]} in this order, each once`);
  }
  return wrong;
}

/** Whether what comes next is known exactly: nothing that was handed over can come back, nothing can be there twice. */
export function isCertain({ after, account, reads, mayReturn = [[], []] }: Audit): boolean {
  const isTwice = after[0].some((number) => after[1].includes(number));
  const hasReturned = ([0, 1] as const).some((task) =>
    after[task].some((number) => mayReturn.flat().includes(number)),
  );
  const mayComeBack = reads !== undefined && account.handed.length > account.removed;
  return !isTwice && !hasReturned && !mayComeBack && account.failure === undefined;
}

/** All of the one stand in the other, in the same order. */
function isSubsequence(part: readonly number[], whole: readonly number[]): boolean {
  let at = 0;
  for (const number of whole) if (number === part[at]) at++;
  return at === part.length;
}

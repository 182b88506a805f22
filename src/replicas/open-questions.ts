import { setNewest } from '../forget-oldest.ts';
import { formatAddress, type QuestionAddress, randomToken } from './question-address.ts';

/** A server object of this process that asks questions. */
export interface Asker {
  /** Passes the asker's SDK a message as if its client had sent it. */
  receive(message: object): void;
}

/** An unanswered question asked in this process. */
export interface OpenQuestion {
  readonly address: QuestionAddress;
  readonly asker: Asker;
  /** The id by which the asker's SDK knows it. */
  readonly messageId: number | string;
  readonly taskId: string;
}

/** A client's tasks may never end, and a server object may live longer than they do. */
const MAX_CLIENT_TASKS = 10_000;

/** The questions of this process's server objects that wait for an answer. Each is answered once. */
export class OpenQuestions {
  readonly #instance: string;
  readonly #bySerial = new Map<string, OpenQuestion>();
  readonly #byAsker = new Map<Asker, Map<number | string, OpenQuestion>>();
  /** Those that were answered with a task of the client's own, which may report progress until it ends. */
  readonly #clientTasks = new Map<string, OpenQuestion>();

  constructor(instance: string) {
    this.#instance = instance;
  }

  open(asker: Asker, messageId: number | string, taskId: string): OpenQuestion {
    const address = { instance: this.#instance, serial: randomToken() };
    const question = { address, asker, messageId, taskId };
    this.#bySerial.set(address.serial, question);
    const ofAsker = this.#byAsker.get(asker) ?? new Map<number | string, OpenQuestion>();
    this.#byAsker.set(asker, ofAsker.set(messageId, question));
    return question;
  }

  find(serial: string): OpenQuestion | undefined {
    return this.#bySerial.get(serial);
  }

  /** The same, or one that was answered with a task of the client's own. */
  findForProgress(serial: string): OpenQuestion | undefined {
    return this.find(serial) ?? this.#clientTasks.get(serial);
  }

  findByMessageId(asker: Asker, messageId: unknown): OpenQuestion | undefined {
    return this.#byAsker.get(asker)?.get(messageId as number | string);
  }

  /** @param isTask whether the answer is a task of the client's own */
  answer(question: OpenQuestion, isTask: boolean): void {
    this.close(question);
    if (isTask) setNewest(this.#clientTasks, question.address.serial, question, MAX_CLIENT_TASKS);
  }

  close({ address, asker, messageId }: OpenQuestion): void {
    this.#bySerial.delete(address.serial);
    const ofAsker = this.#byAsker.get(asker);
    ofAsker?.delete(messageId);
    if (ofAsker?.size === 0) this.#byAsker.delete(asker);
  }

  closeAll(asker: Asker): void {
    for (const question of this.#byAsker.get(asker)?.values() ?? []) {
      this.#bySerial.delete(question.address.serial);
    }
    this.#byAsker.delete(asker);
    for (const [serial, question] of this.#clientTasks) {
      if (question.asker === asker) this.#clientTasks.delete(serial);
    }
  }
}

/**
 * The questions that this process has delivered and that were not answered through it. When their task ends, nobody will
 * answer them any more, and their askers must be notified.
 */
export class DeliveredQuestions {
  readonly #byAddress = new Map<string, { taskId: string; address: QuestionAddress; deliverer: object }>();

  add(taskId: string, address: QuestionAddress, deliverer: object): void {
    this.#byAddress.set(formatAddress(address), { taskId, address, deliverer });
  }

  delete(address: QuestionAddress): void {
    this.#byAddress.delete(formatAddress(address));
  }

  /** Removes and returns those of a task. */
  takeAll(taskId: string): QuestionAddress[] {
    return this.#takeWhere((each) => each.taskId === taskId);
  }

  forget(deliverer: object): void {
    this.#takeWhere((each) => each.deliverer === deliverer);
  }

  #takeWhere(isTaken: (each: { taskId: string; deliverer: object }) => boolean): QuestionAddress[] {
    const taken = [...this.#byAddress.values()].filter(isTaken).map(({ address }) => address);
    for (const address of taken) this.delete(address);
    return taken;
  }
}

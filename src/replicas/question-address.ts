import { createHmac, createSecretKey, type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto';

/**
 * Where to send the answer to a question. As text it is the id of a queued question; the id that a client gets also
 * has a seal.
 */
export interface QuestionAddress {
  /** The process that asks. */
  readonly instance: string;
  /** Which of its questions. */
  readonly serial: string;
}

/** The recipient of a question; only the recipient's answer counts. */
export interface Recipient {
  /** The authenticated user, as far as the server knows. */
  readonly principal: string | undefined;
  /** The session, or the connection if there are no sessions; empty if there is neither. */
  readonly session: string;
}

const ADDRESS = /^mcp-taskq\.([\w-]{22})\.([\w-]{22})$/;
const SEALED = /^mcp-taskq\.([\w-]{22})\.([\w-]{22})\.([\w-]{43})$/;

const SEALED_OWNER = /^([\w-]{22})\.([\w-]{43})$/;

/** 128 random bits, as 22 characters. */
export function randomToken(): string {
  return randomBytes(16).toString('base64url');
}

/** The id of a question in its task's queue. */
export function formatAddress({ instance, serial }: QuestionAddress): string {
  return `mcp-taskq.${instance}.${serial}`;
}

/** `undefined` for an id that is not an address, as of a question that no replica asked. */
export function parseAddress(id: unknown): QuestionAddress | undefined {
  const [, instance, serial] = (typeof id === 'string' && ADDRESS.exec(id)) || [];
  return instance !== undefined && serial !== undefined ? { instance, serial } : undefined;
}

/** @param one as long as the other */
function isSame(one: string, other: string): boolean {
  return timingSafeEqual(Buffer.from(one), Buffer.from(other));
}

/** Seals addresses, so that a client can neither make one up nor use one that another client got. */
export class Seals {
  /** A copy, as the caller may overwrite a buffer. */
  readonly #secret: KeyObject;

  constructor(secret: string | Buffer) {
    this.#secret = createSecretKey(typeof secret === 'string' ? Buffer.from(secret) : secret);
  }

  /** The id under which the recipient gets the question. */
  seal(address: QuestionAddress, recipient: Recipient): string {
    return `${formatAddress(address)}.${this.#mac(address, recipient)}`;
  }

  /** The address in an id that a client sent; `undefined` unless it was sealed for this recipient. */
  open(id: string, recipient: Recipient): QuestionAddress | undefined {
    const [, instance, serial, mac] = SEALED.exec(id) ?? [];
    if (instance === undefined || serial === undefined || mac === undefined) return undefined;
    const address = { instance, serial };
    return isSame(mac, this.#mac(address, recipient)) ? address : undefined;
  }

  /** A user, without showing who it is or whether two are the same. */
  sealOwner(principal: string): string {
    const salt = randomToken();
    return `${salt}.${this.#macOf(['mcp-taskq owner', salt, principal])}`;
  }

  /** Whether it is the user who was sealed. */
  isOwner(sealed: string, principal: string | undefined): boolean {
    const [, salt, mac] = SEALED_OWNER.exec(sealed) ?? [];
    if (salt === undefined || mac === undefined || principal === undefined) return false;
    return isSame(mac, this.#macOf(['mcp-taskq owner', salt, principal]));
  }

  #mac({ instance, serial }: QuestionAddress, { principal, session }: Recipient): string {
    return this.#macOf(['mcp-taskq question', instance, serial, principal ?? null, session]);
  }

  /** JSON keeps the parts apart, whatever is in them. */
  #macOf(parts: (string | null)[]): string {
    return createHmac('sha256', this.#secret).update(JSON.stringify(parts)).digest('base64url');
  }
}

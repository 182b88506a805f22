import { Unencodable } from './field-layout.ts';

const INITIAL_BYTES = 4096;
/** A larger buffer is released after the list that needed it. */
const MAX_KEPT_BYTES = 256 * 1024;

/** A buffer that grows, and is used again and again. */
export class ByteWriter {
  protected buffer = Buffer.allocUnsafe(INITIAL_BYTES);
  at = 0;

  start(): void {
    if (this.buffer.length > MAX_KEPT_BYTES) this.buffer = Buffer.allocUnsafe(INITIAL_BYTES);
    this.at = 0;
  }

  /** A copy of what was written. */
  finish(): Buffer {
    return Buffer.from(this.buffer.subarray(0, this.at));
  }

  /** Whether the bytes written equal these. */
  hasWritten(bytes: Buffer): boolean {
    return this.at === bytes.length && this.buffer.compare(bytes, 0, bytes.length, 0, this.at) === 0;
  }

  octet(value: number): void {
    this.reserve(1);
    this.buffer[this.at++] = value;
  }

  /** Overwrites at an earlier position. */
  patch16(at: number, value: number): void {
    this.buffer.writeUInt16BE(value, at);
  }

  uint16(value: number): void {
    this.reserve(2);
    this.at = this.buffer.writeUInt16BE(value, this.at);
  }

  /** Room must be reserved. Most strings are short ASCII, which is cheaper to write here than in native code. */
  protected text(text: string): void {
    const { length } = text;
    if (length <= 64) {
      const buffer = this.buffer;
      const start = this.at;
      let index = 0;
      for (; index < length; index++) {
        const code = text.charCodeAt(index);
        if (code >= 0x80) break;
        buffer[start + index] = code;
      }
      if (index === length) {
        this.at = start + length;
        return;
      }
    }
    if (!text.isWellFormed()) throw new Unencodable('a lone surrogate cannot be written in UTF-8');
    this.at += this.buffer.write(text, this.at, 'utf8');
  }

  protected bytes(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.buffer.set(bytes, this.at);
    this.at += bytes.length;
  }

  /** Leaves room for a 32-bit length, which {@link endLong} fills in. */
  protected startLong(): number {
    this.reserve(4);
    this.at += 4;
    return this.at;
  }

  protected endLong(start: number): void {
    this.buffer.writeUInt32BE(this.at - start, start - 4);
  }

  protected reserve(size: number): void {
    const needed = this.at + size;
    if (needed <= this.buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.buffer.length));
    this.buffer.copy(larger, 0, 0, this.at);
    this.buffer = larger;
  }
}

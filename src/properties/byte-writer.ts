import { Unencodable } from './field-layout.ts';

/** Most lists are shorter. Each keeps this much of a pool, as it is not copied. */
const INITIAL_BYTES = 256;

/** A buffer that grows. */
export class ByteWriter {
  protected buffer = Buffer.allocUnsafe(INITIAL_BYTES);
  at = 0;

  /** What was written. Writing ends with this. */
  finish(): Buffer {
    return this.buffer.subarray(0, this.at);
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

  /** Room must be reserved. */
  protected text(text: string): void {
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

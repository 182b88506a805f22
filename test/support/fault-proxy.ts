import { connect, createServer, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** What the proxy does with bytes on their way, in both directions. */
export type Fault =
  /** Passes everything. */
  | { kind: 'none' }
  /** Hangs up on whoever connects: a peer that is not there. */
  | { kind: 'gone' }
  /** The same once this many have connected. */
  | { kind: 'full'; connections: number }
  /** Takes everything, passes nothing: a peer that accepts and never answers. */
  | { kind: 'stall' }
  /** Passes nothing from the broker: a peer that hears and never answers. */
  | { kind: 'mute' }
  /** Passes this text to the broker, then nothing more: a peer that answers what it has heard. */
  | { kind: 'deaf'; after: string }
  /** The same without this text, nor what comes with it. */
  | { kind: 'deaf'; before: string }
  /** Passes so many bytes from the broker, then nothing more. */
  | { kind: 'cut'; afterBytes: number }
  /** Passes so many bytes from the broker, and what follows when the fault is over. */
  | { kind: 'hold'; afterBytes: number }
  /** Passes the broker's answer to this text, and what follows, when the fault is over. */
  | { kind: 'hold'; answerTo: string }
  /** Passes the broker's answer to this piece that comes for it, counted from the first, when the fault is over. */
  | { kind: 'hold'; atPiece: number }
  /** Once, in one piece with the broker's next answer of this kind: the end of the connection. */
  | { kind: 'farewell'; with: Buffer }
  /** Passes this text from the broker as another one of the same length: a broker that changes messages. */
  | { kind: 'change'; text: string; into: string }
  | { kind: 'delay'; ms: number }
  /** Delays the broker's answer to this text, and what follows: a broker that answers too late. */
  | { kind: 'late'; after: string; ms: number };

/** connection.close: a frame with class 10, method 50, reply code 320, and no method that caused it. */
const CONNECTION_CLOSE = Buffer.from('01000000000013000a0032014008676f6f642062796500000000ce', 'hex');

/** A TCP proxy in front of a broker that breaks connections for real. */
export class FaultProxy {
  #fault: Fault = { kind: 'none' };
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Those of the broker that are not read while it is held. */
  readonly #held: Socket[] = [];
  /** Connections so far. */
  accepted = 0;
  /** Bytes that came from the broker so far. */
  received = 0;
  /** Bytes that came for the broker so far, and in how many pieces. */
  sent = 0;
  pieces = 0;
  farewells = 0;
  /** Of them, those that a deaf peer did not hear. */
  unheard = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async inFrontOf(url: string): Promise<FaultProxy> {
    const target = new URL(url);
    const server = createServer();
    const proxy = new FaultProxy(server);
    server.on('connection', (client) => proxy.#accept(client, Number(target.port), target.hostname));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => proxy.close());
    return proxy;
  }

  get fault(): Fault {
    return this.#fault;
  }

  set fault(fault: Fault) {
    this.#fault = fault;
    if (fault.kind !== 'hold') for (const socket of this.#held.splice(0)) socket.resume();
  }

  get url(): string {
    const { port } = this.#server.address() as { port: number };
    return `amqp://127.0.0.1:${port}`;
  }

  /** Something of the broker's is held. */
  get isHolding(): boolean {
    return this.#held.length > 0;
  }

  /** Ends all connections with a TCP reset. */
  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  close(): Promise<void> {
    this.reset();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #accept(client: Socket, port: number, host: string): void {
    this.accepted++;
    const { fault } = this;
    if (fault.kind === 'gone' || (fault.kind === 'full' && this.accepted > fault.connections)) {
      client.resetAndDestroy();
      return;
    }
    const broker = connect({ port, host, noDelay: true });
    let passed = 0;
    let isDeaf = false;
    let isLate = false;
    for (const [from, to] of [
      [client, broker],
      [broker, client],
    ] as const) {
      this.#sockets.add(from);
      from.setNoDelay(true);
      from.on('error', () => {});
      from.on('close', () => {
        this.#sockets.delete(from);
        // A stalled peer does not even hang up.
        if (this.fault.kind !== 'stall') to.destroy();
      });
      from.on('data', (bytes) => {
        const { fault } = this;
        const isFromBroker = from === broker;
        if (isFromBroker) this.received += bytes.length;
        else {
          this.sent += bytes.length;
          this.pieces++;
        }
        if (fault.kind === 'deaf' && 'before' in fault)
          isDeaf ||= !isFromBroker && bytes.includes(fault.before);
        if (isDeaf && !isFromBroker) {
          this.unheard += bytes.length;
          return;
        }
        if (fault.kind === 'deaf' && 'after' in fault)
          isDeaf ||= !isFromBroker && bytes.includes(fault.after);
        if (fault.kind === 'hold' && 'answerTo' in fault && !isFromBroker && bytes.includes(fault.answerTo))
          this.#held.push(broker.pause());
        if (fault.kind === 'hold' && 'atPiece' in fault && !isFromBroker && this.pieces === fault.atPiece)
          this.#held.push(broker.pause());
        isLate ||= fault.kind === 'late' && !isFromBroker && bytes.includes(fault.after);
        if (fault.kind === 'stall' || (fault.kind === 'mute' && isFromBroker)) return;
        if (fault.kind === 'change' && isFromBroker) {
          const at = bytes.indexOf(fault.text);
          if (at >= 0) bytes.write(fault.into, at);
        }
        if (fault.kind === 'farewell' && isFromBroker && bytes.includes(fault.with)) {
          this.fault = { kind: 'none' };
          to.write(Buffer.concat([bytes, CONNECTION_CLOSE]));
          this.farewells++;
        } else if (fault.kind === 'cut' && isFromBroker) {
          to.write(bytes.subarray(0, Math.max(0, fault.afterBytes - passed)));
          passed += bytes.length;
        } else if (fault.kind === 'hold' && 'afterBytes' in fault && isFromBroker) {
          to.write(bytes);
          passed += bytes.length;
          if (passed >= fault.afterBytes) this.#held.push(from.pause());
        } else if (fault.kind === 'delay' || (fault.kind === 'late' && isLate && isFromBroker)) {
          setTimeout(() => to.write(bytes), fault.ms);
        } else {
          to.write(bytes);
        }
      });
    }
  }
}

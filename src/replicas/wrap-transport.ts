import { guarded } from '../errors/guarded-callback.ts';
import { checkArgument, withMethods } from '../options/check-options.ts';
import { observeExchange } from './http-exchange.ts';
import { randomToken } from './question-address.ts';
import { httpExchange, type RequestContext, requestContext } from './request-context.ts';
import {
  isRequest,
  isResponse,
  type MessageOrigin,
  progressTokenOf,
  type RpcMessage,
  type TransportLike,
} from './sdk-shapes.ts';
import { SentRequests } from './sent-requests.ts';
import type { ServerLink } from './server-link.ts';
import { standInFor } from './stand-in.ts';

type Receive = (message: RpcMessage, extra?: MessageOrigin & { closeSSEStream?: unknown }) => void;

/** What a transport of the SDK has besides, some of it optional. */
interface WholeTransport extends TransportLike {
  sessionId?: string;
  onmessage?: Receive;
  onclose?: () => void;
  onerror?: (error: Error) => void;
  handleRequest?: (...args: unknown[]) => unknown;
}

/** The transport for the server object. */
export function wrapTransport<Transport extends TransportLike>(
  link: ServerLink,
  given: Transport,
): Transport {
  checkArgument('transport', given, withMethods('a Transport of the MCP SDK', 'start', 'send', 'close'));
  const target = given as unknown as WholeTransport;
  const wrapped = new WrappedTransport(link, target);
  const replaced = new Map<PropertyKey, unknown>([['send', wrapped.send]]);
  if (typeof target.handleRequest === 'function') replaced.set('handleRequest', wrapped.handleRequest);
  return standInFor(given, {
    get(name) {
      if (replaced.has(name)) return replaced.get(name);
      if (name === 'onmessage' || name === 'onclose') return wrapped.handlers[name];
      // With the target as receiver, as its accessors may use private fields.
      const value = Reflect.get(target, name, target);
      return typeof value === 'function' && !name.toString().startsWith('on') && name !== 'constructor'
        ? value.bind(target)
        : value;
    },
    set(name, value) {
      if (name === 'onmessage' || name === 'onclose') {
        wrapped.handlers[name] = value as never;
        return true;
      }
      return Reflect.set(target, name, value, target);
    },
  });
}

class WrappedTransport {
  readonly #link: ServerLink;
  readonly #target: WholeTransport;
  readonly #sent = new SentRequests();
  /** The SDK's. */
  readonly handlers: { onmessage: Receive | undefined; onclose: (() => void) | undefined };

  constructor(link: ServerLink, target: WholeTransport) {
    this.#link = link;
    this.#target = target;
    // A connection that has no sessions is one by itself; with HTTP and without sessions, every request may be another's.
    const ownSession = target.handleRequest === undefined ? randomToken() : '';
    link.connect({
      get session() {
        return target.sessionId ?? ownSession;
      },
      get sessionId() {
        return target.sessionId;
      },
      send: async (message) => {
        try {
          await target.send(message as never);
        } finally {
          link.requests.end((message as RpcMessage).id);
        }
      },
      // Nothing could handle what the application's handlers throw here, and others wait behind it.
      receive: guarded((message: object) => this.#handOver(message as RpcMessage)),
    });
    this.handlers = { onmessage: target.onmessage, onclose: target.onclose };
    target.onmessage = (message, extra) => this.#receive(message, extra);
    target.onclose = () => {
      link.disconnect();
      this.handlers.onclose?.();
    };
  }

  readonly send = async (message: RpcMessage, options?: unknown): Promise<void> => {
    const send = () => this.#target.send(message as never, options as never);
    if (await this.#link.deliverer.sendHeld(message, send)) return;
    if (message.method === 'notifications/cancelled') {
      if (await this.#link.asker.cancel(message)) return;
      // The SDK also gives up, at its timeout, a question of a task that was answered long before.
      if (!this.#sent.forget(message.params?.requestId)) return;
    }
    if (isRequest(message)) this.#sent.note(message.id, progressTokenOf(message));
    try {
      await send();
    } finally {
      if (isResponse(message)) this.#link.requests.end(message.id);
    }
  };

  /** For the HTTP transports: what is done on behalf of a request knows whether its client is still there. */
  readonly handleRequest = async (...args: unknown[]): Promise<unknown> => {
    const { exchange, observe } = observeExchange(args[0], args[1]);
    if (exchange.isResumption) this.#link.requests.resume(exchange);
    const handled = { transport: this.#target, exchange };
    return observe(await httpExchange.run(handled, () => this.#target.handleRequest?.(...args)));
  };

  #receive(message: RpcMessage, extra: Parameters<Receive>[1]): void {
    try {
      if (isResponse(message)) this.#receiveResponse(message, extra);
      // Whatever its method: passed on as progress, it would be answered to the asker's client.
      else if (isRequest(message)) this.#receiveRequest(message, extra);
      else if (message.method === 'notifications/progress') this.#receiveProgress(message, extra);
      else {
        if (message.method === 'notifications/cancelled') {
          this.#link.requests.end(
            message.params?.requestId,
            new Error('The client has cancelled its request'),
          );
        }
        this.#handOver(message, extra);
      }
    } catch (error) {
      this.#target.onerror?.(error as Error);
    }
  }

  #receiveResponse(message: RpcMessage, extra: Parameters<Receive>[1]): void {
    const { id } = message;
    // An error that answers nothing, and the answer to a request that did not go by way of a task.
    if (id === undefined || id === null || this.#sent.takeAnswered(id)) {
      this.#handOver(message, extra);
      return;
    }
    if (typeof id !== 'string') throw new Error(`Refused a response for an unknown message ID: ${id}`);
    this.#link.answer(id, message, extra ?? {});
  }

  #receiveProgress(message: RpcMessage, extra: Parameters<Receive>[1]): void {
    const token = message.params?.progressToken;
    if (this.#sent.hasToken(token)) {
      this.#handOver(message, extra);
      return;
    }
    if (typeof token !== 'string') throw new Error(`Refused progress for an unknown token: ${token}`);
    this.#link.progress(token, message, extra ?? {});
  }

  /** Work started by the message does not belong to the request that passed it on, here or at another server object. */
  #handOver(message: RpcMessage, extra?: Parameters<Receive>[1]): void {
    requestContext.exit(() => this.handlers.onmessage?.(message, extra));
  }

  #receiveRequest(message: RpcMessage, extra: Parameters<Receive>[1]): void {
    const handled = httpExchange.getStore();
    const context: RequestContext = {
      id: message.id as string | number,
      taskId: message.method === 'tasks/result' ? message.params?.taskId : undefined,
      sessionId: this.#target.sessionId,
      origin: extra ?? {},
      exchanges: handled?.transport === this.#target ? [handled.exchange] : [],
      isResumable: extra?.closeSSEStream !== undefined,
      onReturn: undefined,
      abort: new AbortController(),
      task: undefined,
    };
    this.#link.requests.begin(context);
    requestContext.run(context, () => this.handlers.onmessage?.(message, extra));
  }
}

import type { HttpExchange } from './http-exchange.ts';
import type { RequestContext } from './request-context.ts';

/** The client's requests that are not answered. */
export class OpenRequests {
  readonly #contexts = new Map<unknown, RequestContext>();

  begin(context: RequestContext): void {
    this.#contexts.set(context.id, context);
  }

  /** @param reason why nothing that waits on behalf of the request may go on; absent when it is answered */
  end(requestId: unknown, reason?: Error): void {
    const context = this.#contexts.get(requestId);
    this.#contexts.delete(requestId);
    if (reason !== undefined && context !== undefined) abort(context, reason);
  }

  /** A client is back. Which of its streams it resumes cannot be seen, nor does it matter much. */
  resume(exchange: HttpExchange): void {
    for (const context of this.#contexts.values()) {
      if (!context.isResumable) continue;
      context.exchanges = [...context.exchanges.filter(({ gone }) => !gone.aborted), exchange];
      context.onReturn?.();
    }
  }

  endAll(reason: Error): void {
    for (const context of this.#contexts.values()) abort(context, reason);
    this.#contexts.clear();
  }
}

function abort(context: RequestContext, reason: Error): void {
  context.abort.abort(reason);
  context.onReturn?.();
}

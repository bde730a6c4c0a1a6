/**
 * Hibernating sockets with a small versioned attachment each. Memory may vanish between two frames: what a socket is
 * must be in its attachment, and every look-up starts from the platform's own list.
 */
export class Sockets<A extends { v: number }> {
  readonly #ctx: DurableObjectState;
  readonly #fresh: () => A;

  constructor(ctx: DurableObjectState, fresh: () => A, heartbeat: string) {
    this.#ctx = ctx;
    this.#fresh = fresh;
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(heartbeat, heartbeat));
  }

  accept(socket: WebSocket, attachment: A): void {
    this.#ctx.acceptWebSocket(socket);
    this.set(socket, attachment);
  }

  /** The attachment, or a fresh one for a socket of an older version. */
  get(socket: WebSocket): A {
    const fresh = this.#fresh();
    const known = socket.deserializeAttachment() as A | null;
    return known?.v === fresh.v ? known : fresh;
  }

  set(socket: WebSocket, attachment: A): void {
    socket.serializeAttachment(attachment);
  }

  get count(): number {
    return this.#ctx.getWebSockets().length;
  }

  all(): WebSocket[] {
    return this.#ctx.getWebSockets();
  }
}

/** False when the socket is already closing: the client will come back and read what it missed. */
export function send(socket: WebSocket, text: string): boolean {
  try {
    socket.send(text);
    return true;
  } catch {
    return false;
  }
}

export function close(socket: WebSocket, code: number, reason: string): void {
  try {
    socket.close(code, reason);
  } catch {
    // already closed by the other side
  }
}

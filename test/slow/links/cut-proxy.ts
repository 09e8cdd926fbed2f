/** A TCP way between two ports that can be cut: what is on it is lost, and nothing gets through until it is mended. */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

export class CutProxy {
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  #isCut: boolean = false;

  /** Leads to a port on 127.0.0.1. */
  static async open(to: number): Promise<CutProxy> {
    const proxy = new CutProxy(to);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  private constructor(to: number) {
    this.#server = createServer({ noDelay: true, pauseOnConnect: true }, (near) => {
      // as a cut cable does: whoever connects hears nothing at all
      this.#adopt(near);
      if (this.#isCut) return;
      const far = connect({ port: to, host: "127.0.0.1", noDelay: true });
      this.#adopt(far);
      near.pipe(far).pipe(near);
      near.once("close", () => far.destroy());
      far.once("close", () => near.destroy());
    });
  }

  get port(): number {
    const at = this.#server.address();
    return typeof at === "object" && at !== null ? at.port : 0;
  }

  /** Nothing gets through any more, and neither end is told. */
  cut(): void {
    this.#isCut = true;
    for (const socket of this.#open) socket.unpipe().pause();
  }

  /** New connections get through. Those that were cut are over. */
  mend(): void {
    this.#isCut = false;
    for (const socket of this.#open) socket.destroy();
  }

  async close(): Promise<void> {
    this.mend();
    this.#server.close();
    await once(this.#server, "close");
  }

  #adopt(socket: Socket): void {
    this.#open.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => this.#open.delete(socket));
  }
}

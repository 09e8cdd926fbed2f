/** An answer that goes on: read from its source as fast as the client takes it, and no faster. */
import type { HttpBindings } from "@hono/node-server";
import type { Clock } from "../../base/clock.ts";

/** A client that takes nothing for so long is let go, milliseconds. */
const STALL_MS = 30_000;

export type StreamOptions = {
  readonly clock: Pick<Clock, "after">;
  /** The answer's end of the connection: it is cut off when the source fails, so that nobody takes half for all. */
  readonly outgoing: Pick<HttpBindings["outgoing"], "destroy">;
  readonly onFault: (fault: unknown) => void;
  /** Called once, when the source has ended, failed, or is wanted no more. */
  readonly onEnd: () => void;
};

/**
 * A body made of a source.
 *
 * @param open - begins; the signal is aborted when nobody wants more
 */
export function bodyOf(
  open: (signal: AbortSignal) => AsyncIterable<Uint8Array>,
  { clock, outgoing, onFault, onEnd }: StreamOptions,
): ReadableStream<Uint8Array> {
  const wanted = new AbortController();
  const source = open(wanted.signal)[Symbol.asyncIterator]();
  let forget = () => {};
  let isOver = false;
  const end = () => {
    forget();
    if (!isOver) onEnd();
    isOver = true;
  };
  const stop = async () => {
    wanted.abort();
    end();
    await source.return?.();
  };
  const pull = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
    forget();
    try {
      const { done, value } = await source.next();
      if (isOver) return;
      if (done === true) {
        end();
        return controller.close();
      }
      forget = clock.after(STALL_MS, () => outgoing.destroy());
      controller.enqueue(value);
    } catch (fault) {
      if (!isOver) onFault(fault);
      end();
      outgoing.destroy();
    }
  };
  return new ReadableStream({ pull, cancel: stop }, { highWaterMark: 0 });
}

/** An executor for the length of one command. */
import type { Clock } from "../base/clock.ts";
import { Executor } from "../firmware/executor.ts";

/** Gives some work the running executor, or one of its own that is gone afterwards. */
export async function withExecutor<T>(
  { clock, executor }: { readonly clock: Clock; readonly executor?: Executor },
  work: (executor: Executor) => Promise<T>,
): Promise<T> {
  if (executor) return await work(executor);
  const own = new Executor({ clock });
  await own.start();
  try {
    return await work(own);
  } finally {
    await own.stop();
  }
}

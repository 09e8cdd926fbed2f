/** Answers with the newest lines of the log, and changes how much a room says. */
import type { Desk } from "../../api/desk.ts";
import type { Log } from "./log.ts";

/** The clerks of `logs` and `setLevel`. */
export function logClerks(log: Log): Pick<Desk, "logs" | "setLevel"> {
  return {
    logs: ({ input }) =>
      Promise.resolve({ lines: log.ring.find(input), levels: log.levels, dropped: log.ring.dropped }),
    setLevel: ({ input: { room, level } }, { name }) => {
      log.setLevel(room, level);
      log.say("operator", "debug", "log level changed", { of: room ?? "every room", to: level, by: name });
      return Promise.resolve({ done: true });
    },
  };
}

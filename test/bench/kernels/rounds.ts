/**
 * Contenders measured turn by turn in one process: short rounds, so that a busy neighbour hits all of them alike.
 *
 * What counts is the processor time of the thread, where the machine counts it finely: not what others take of the
 * processor in between, nor what an engine does in other threads. A ratio is the median of the ratios in each round: what
 * slows a machine down for longer than a round changes both of its sides. Times are medians too, so that a ratio is only
 * about the ratio of two times.
 */

export type Contender = {
  readonly name: string;
  /** Operations in one repeat. */
  readonly per: number;
  /** Does the work `repeats` times and answers with the nanoseconds it took. */
  readonly time: (repeats: number) => number | Promise<number>;
};

export type Pace = {
  /** Rounds at most. */
  readonly rounds: number;
  /** What one round of one contender takes, milliseconds; one repeat where that takes longer. */
  readonly round: number;
  /** What one contender is run before it counts, milliseconds. */
  readonly warm: number;
  /** What all rounds of one contender take at most, milliseconds. */
  readonly most: number;
};

export const PACE: Pace = { rounds: 81, round: 3, warm: 200, most: 1_200 };
/** For tests: shows that all of it runs, and its figures mean little. */
export const QUICK: Pace = { rounds: 5, round: 1, warm: 10, most: 60 };

const FEWEST_ROUNDS = 5;
/** Nanoseconds: processor time is counted in microseconds. */
const FINEST = 1e3;

/** Microseconds of this thread's processor time. On Linux asking for the process's brings the thread's up to date. */
function processorTime(): number {
  process.cpuUsage();
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

const clockTime = () => performance.now() * 1e3;

/** Whether processor time goes on in less than a millisecond while the thread is busy. */
function isFine(): boolean {
  return Array.from({ length: 5 }).every(() => {
    const [begun, start] = [clockTime(), processorTime()];
    while (clockTime() < begun + 500);
    const took = processorTime() - start;
    return took > 0 && took <= clockTime() - begun;
  });
}

const now = isFine() ? processorTime : clockTime;

/** A contender of this process. */
export function contender(name: string, per: number, work: () => void): Contender {
  const time = (repeats: number) => {
    const start = now();
    for (let left = repeats; left > 0; left--) work();
    return (now() - start) * 1e3;
  };
  return { name, per, time };
}

/** Nanoseconds for one operation of each contender in each round; those of a round that it sat out are missing. */
export class Times {
  readonly #rounds: ReadonlyMap<string, readonly (number | undefined)[]>;

  constructor(rounds: ReadonlyMap<string, readonly (number | undefined)[]>) {
    this.#rounds = rounds;
  }

  /** NaN where no such contender ran. */
  median(name: string): number {
    return median(this.#of(name).filter((time) => time !== undefined));
  }

  /** How many times as long as `ours` a `peer` takes. */
  ratio(ours: string, peer: string): number {
    const own = this.#of(ours);
    const ratios = this.#of(peer).flatMap((time, round) => {
      const beside = own[round];
      return time === undefined || beside === undefined ? [] : [time / beside];
    });
    return median(ratios);
  }

  #of(name: string): readonly (number | undefined)[] {
    return this.#rounds.get(name) ?? [];
  }
}

export async function interleave(contenders: readonly Contender[], pace: Pace): Promise<Times> {
  const fields: { contender: Contender; repeats: number; rounds: number; times: (number | undefined)[] }[] =
    [];
  for (const contender of contenders) {
    const each = await warmUp(contender, pace);
    const repeats = Math.max(1, Math.round((pace.round * 1e6) / each));
    const affordable = Math.floor((pace.most * 1e6) / (each * repeats));
    const rounds = Math.max(FEWEST_ROUNDS, Math.min(pace.rounds, affordable));
    fields.push({ contender, repeats, rounds, times: new Array(pace.rounds) });
  }
  for (let round = 0; round < pace.rounds; round++) {
    for (let turn = 0; turn < fields.length; turn++) {
      const field = fields[(round + turn) % fields.length];
      if (!field) continue;
      const { contender, repeats, rounds, times } = field;
      // who has fewer rounds has them all over the time, not all at its beginning
      if (Math.floor(((round + 1) * rounds) / pace.rounds) === Math.floor((round * rounds) / pace.rounds))
        continue;
      times[round] = (await contender.time(repeats)) / (repeats * contender.per);
    }
  }
  return new Times(new Map(fields.map(({ contender, times }) => [contender.name, times])));
}

/** Nanoseconds of one repeat when it is warm. */
async function warmUp({ time }: Contender, pace: Pace): Promise<number> {
  let each = Number.POSITIVE_INFINITY;
  let repeats = 1;
  for (let spent = 0; spent < pace.warm * 1e6; ) {
    const took = Math.max(FINEST, await time(repeats));
    spent += took;
    each = Math.min(each, took / repeats);
    repeats = Math.max(1, Math.round((pace.round * 1e6) / each));
  }
  return each;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** The time that passes while somebody looks. */
import { useEffect, useState } from "preact/hooks";

/** Milliseconds since 1970, drawn anew every so often. */
export function useNow(every = 1_000): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}

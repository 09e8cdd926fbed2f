/** A broker's side of {@link BrokerProcess}. */

/** Tells the port to whoever started this process, and answers what it asks. */
export function tellPort(port: number, answers: Readonly<Record<string, () => unknown>> = {}): void {
  const send = process.send?.bind(process);
  if (!send) throw new Error("this program is started by a benchmark");
  process.on("message", (question) => {
    void Promise.resolve(answers[String(question)]?.()).then((answer) => send(answer ?? null));
  });
  // whoever started it is gone
  process.once("disconnect", () => process.exit());
  send({ port });
}

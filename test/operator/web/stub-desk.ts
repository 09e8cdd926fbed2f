/** A desk that answers every route with the smallest answer there is, and remembers who asked what. */
import type { Viewer } from "../../../src/operator/api/access.ts";
import type { Desk, DeskRoute } from "../../../src/operator/api/desk.ts";
import { ROUTES, type Route } from "../../../src/operator/api/routes.ts";
import { sampleOf } from "./sample.ts";

export type Question = { readonly name: DeskRoute; readonly asked: unknown; readonly viewer: Viewer };

export type StubDesk = { readonly desk: Desk; readonly questions: Question[] };

const NOT_THE_DESKS: readonly string[] = ["login", "logout", "session", "events", "settlementExport"];

/** @param own - clerks in place of the stub's */
export function stubDesk(own: Partial<Desk> = {}): StubDesk {
  const questions: Question[] = [];
  const routes = (Object.entries(ROUTES) as [string, Route][]).filter(
    ([name]) => !NOT_THE_DESKS.includes(name),
  );
  const clerks = routes.map(([name, { answer }]) => {
    const clerk = (asked: unknown, viewer: Viewer) => {
      questions.push({ name: name as DeskRoute, asked, viewer });
      if (answer === "stream") throw new Error("the desk answers no streams");
      return Promise.resolve(sampleOf(answer));
    };
    return [name, clerk];
  });
  return { desk: { ...(Object.fromEntries(clerks) as unknown as Desk), ...own }, questions };
}

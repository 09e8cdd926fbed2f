import { Duplex } from "node:stream";
import { expect, it } from "vitest";
import { Monitor } from "../../devices/board/emulator/monitor.ts";

it("an emulator that is gone in the middle of a command is told to whoever asked, and to nobody else", async () => {
  const stream = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  const asked = new Monitor(stream).open();
  stream.destroy(Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" }));
  await expect(asked).rejects.toMatchObject({ code: "link_lost" });
});

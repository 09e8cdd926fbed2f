import mqtt from "mqtt";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Hex } from "../../../src/base/bytes.ts";
import { instant, systemClock } from "../../../src/base/clock.ts";
import { startEmbeddedBroker } from "../../../src/link/broker/embedded-broker.ts";
import { startExternalBroker } from "../../../src/link/broker/external-broker.ts";
import { encodeMessage } from "../../../src/protocol/message.ts";
import { topicOf } from "../../../src/protocol/topic.ts";
import { describeBroker, goOnline, openGateway, type ServeBroker } from "../../ports/broker.contract.ts";
import { hasOpenssl, makeCertificate } from "./certificate.ts";
import { mosquittoHere } from "./external-stand.ts";
import { noMosquitto, whySkipped } from "./mosquitto.ts";

const embedded: ServeBroker = async (market, callbacks, place) => {
  const port = Number(place?.broker.split(":").at(-1) ?? 0);
  const broker = await startEmbeddedBroker({
    ...{ market, callbacks, clock: systemClock, boot: instant(0) },
    listen: [{ scheme: "mqtt", host: "127.0.0.1", port }],
  });
  onTestFinished(() => broker.stop());
  return { broker, place: { broker: `mqtt://127.0.0.1:${broker.port}` } };
};

function overMosquitto(version: 4 | 5): ServeBroker {
  return async (market, callbacks, place) => {
    const users = { gateway: "gateway-secret", fleet: "fleet-secret" };
    const url = place?.broker ?? (await mosquittoHere({ users })).url;
    const broker = await startExternalBroker({
      ...{ market, callbacks, clock: systemClock, boot: instant(0), url, version, ca: null },
      account: { username: "gateway", password: users.gateway },
    });
    onTestFinished(() => broker.stop());
    const account = { username: "fleet", password: users.fleet };
    return { broker, place: { broker: url, account } };
  };
}

describeBroker("embedded", embedded);
describeBroker(`external, MQTT 3.1.1 over mosquitto${whySkipped}`, overMosquitto(4), noMosquitto);
describeBroker(`external, MQTT 5 over mosquitto${whySkipped}`, overMosquitto(5), noMosquitto);

describe.skipIf(!hasOpenssl)("a robot by a connection that is not plain TCP", () => {
  it.each(["mqtts", "ws", "wss"] as const)("logs in at %s", async (scheme) => {
    const tls = makeCertificate();
    const gateway = await openGateway(async (market, callbacks) => {
      const broker = await startEmbeddedBroker({
        ...{ market, callbacks, clock: systemClock, boot: instant(0) },
        listen: [{ scheme, host: "127.0.0.1", port: 0, path: "/mqtt", tls }],
      });
      onTestFinished(() => broker.stop());
      const path = scheme === "mqtts" ? "" : "/mqtt";
      return { broker, place: { broker: `${scheme}://localhost:${broker.port}${path}`, ca: tls.cert } };
    });
    const file = gateway.enroll("r1");
    const { connection } = await goOnline(file);
    await connection.close();
    await gateway.called("r1/main gone");
    if (scheme === "ws") return;
    const { ca: _, ...trustless } = file;
    await expect(goOnline(trustless)).rejects.toThrow("self-signed certificate");
  });
});

const placeAt = (broker: string) => ({ broker, account: { username: "", password: "" } });

describe.skipIf(noMosquitto)(`a robot on a broker of others${whySkipped}`, () => {
  it("and its gateway find each other again when that was killed", async () => {
    const mosquitto = await mosquittoHere();
    const gateway = await openGateway(async (market, callbacks) => {
      const broker = await startExternalBroker({
        ...{
          market,
          callbacks,
          clock: systemClock,
          boot: instant(0),
          url: mosquitto.url,
          version: 5,
          ca: null,
        },
        account: null,
      });
      onTestFinished(() => broker.stop());
      return { broker, place: placeAt(mosquitto.url) };
    });
    const { connection, happened, until } = await goOnline(gateway.enroll("r1"));
    await mosquitto.restart();
    // whoever is back before the gateway is sent away once more
    await until(() => happened.includes("down") && happened.at(-1) === "up");
    expect(happened.slice(0, 2)).toEqual(["up", "down"]);
    await gateway.called("r1/main gone");
    connection.publish("cancel", { version: 1, id: "c", task: `0x${"22".repeat(16)}` });
    await gateway.called("r1/main cancel c");
  });

  it("takes nothing that was retained on its topics for the gateway's word", async () => {
    const mosquitto = await mosquittoHere();
    const gateway = await openGateway(
      overMosquitto(5),
      {},
      { place: placeAt(mosquitto.url), admitted: new Map() },
    );
    const file = gateway.enroll("r1");
    const refusal = {
      version: 1,
      id: null,
      topic: "login",
      code: "unknown_device",
      hint: "go away",
    } as const;
    const stranger = await mqtt.connectAsync(mosquitto.url);
    onTestFinished(() => stranger.endAsync(true));
    const trap = encodeMessage("refusal", refusal);
    await stranger.publishAsync(topicOf(file, "refusal"), trap, { qos: 1, retain: true });
    const { happened } = await goOnline(file);
    expect(happened).toEqual(["up"]);
  });

  it("gets in though another gateway there has a device of its name, and is faster to refuse it", async () => {
    const mosquitto = await mosquittoHere();
    const place = placeAt(mosquitto.url);
    const refused = Promise.withResolvers<void>();
    const theirs = new Map();
    const serveTheirs: ServeBroker = (market, callbacks, where) =>
      overMosquitto(5)({ ...market, gateway: `0x${"99".repeat(20)}` }, callbacks, where);
    const onRefused = () => refused.resolve();
    const other = await openGateway(serveTheirs, { onRefused }, { place, admitted: theirs });
    other.enroll("r1");
    const ours = new Map();
    const admit = (device: Hex) => refused.promise.then(() => ours.get(device) ?? null);
    const gateway = await openGateway(overMosquitto(5), { admit }, { place, admitted: ours });
    const { happened } = await goOnline(gateway.enroll("r1"));
    expect(happened).toEqual(["up"]);
  });
});

import { decodeErrorResult, decodeFunctionResult, encodeAbiParameters } from "viem";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { encodeCall, VAULT_ABI } from "../../settlement/fuzz/calldata.ts";
import type { Call } from "../../settlement/fuzz/calls.ts";
import type { Address, Signature } from "../../settlement/fuzz/cells.ts";
import { FAR, NOBODY, openStage, type Stage } from "../../settlement/fuzz/stage.ts";

/** Window class 0. */
const HOUR = 3_600n;

let stage: Stage;

beforeAll(async () => {
  stage = await openStage();
}, 60_000);
beforeEach(() => stage.snapshot());
afterAll(() => stage.arena.stop());

describe("a token that swallows permits", () => {
  const word = (value: bigint) => encodeAbiParameters([{ type: "uint256" }], [value]);
  it.each([
    ["nothing", "0x"],
    ["zero", word(0n)],
    ["one", word(1n)],
    ["the highest number", word(2n ** 256n - 1n)],
  ] as const)("does not let a stranger move a standing allowance when it answers %s", async (_, answer) => {
    await stage.endow(stage.swallow, 1_000n);
    await stage.tell(stage.arena.owner, stage.swallow, "plan", answer);
    const bytes: Address = `0x${"11".repeat(64)}1b`;
    const args = {
      from: stage.robot.address,
      token: stage.swallow.address,
      amount: 1_000n,
      deadline: FAR,
      signature: { by: NOBODY, says: "", bytes },
    };
    expect(await stage.ask(stage.stranger, "depositWithPermit", args)).toBe("PermitFailed");
    expect(await stage.unitsOf(stage.swallow, stage.robot.address)).toBe(1_000n);
    expect(await stage.ask(stage.robot, "depositWithPermit", args)).toBe("ok");
    expect(await stage.vaultOf(stage.swallow, stage.robot)).toBe(1_000n);
  });
});

describe("a token that lies about balances", () => {
  const say = (lie: bigint, next: bigint) => stage.tell(stage.arena.owner, stage.lying, "plan", lie, next);

  it("is credited with what it says, and cannot reach another token's books", async () => {
    const { peg } = stage.arena.tokens;
    await stage.endow(peg, 500n);
    await stage.deposit(peg, 500n);
    await stage.endow(stage.lying, 1_000n);
    await say(0n, 9_000n);
    expect(await stage.deposit(stage.lying, 1_000n)).toBe("ok");
    expect(await stage.owed(stage.lying)).toBe(10_000n);
    await say(0n, 0n);
    expect(await stage.withdraw(stage.lying, stage.robot, 1_001n)).toBe("BalanceTooLow");
    expect(await stage.withdraw(stage.lying, stage.robot, 1_000n)).toBe("ok");
    expect(await stage.owed(peg)).toBe(500n);
    expect(await stage.withdraw(peg, stage.robot, 500n)).toBe("ok");
    expect(await stage.unitsOf(peg, stage.robot.address)).toBe(500n);
  });

  it.each([
    ["falls while tokens come in", 5_000n, 0n],
    ["stays the same", 1_000n, 0n],
  ])("credits nothing when its balance %s", async (_, lie, next) => {
    await stage.endow(stage.lying, 1_000n);
    await say(lie, next);
    expect(await stage.deposit(stage.lying, 1_000n)).toBe("NothingReceived");
    expect(await stage.vaultOf(stage.lying, stage.robot)).toBe(0n);
  });
});

describe("a token that calls back", () => {
  const signature: Signature = { by: NOBODY, says: "", bytes: `0x${"11".repeat(64)}1b` };
  const plan = (target: Address, input: Address, answer: Address, early: boolean) =>
    stage.tell(stage.arena.owner, stage.arena.tokens.reentrant, "plan", target, input, answer, early, false);
  const idle = () => plan(NOBODY, "0x", "0x", false);

  /** Every function that calls a token, as the token would like to enter it. */
  const guarded = (): Call[] => {
    const { address: token } = stage.arena.tokens.reentrant;
    const account = stage.robot.address;
    const order = { deadline: FAR, nonce: 1n, fee: 0n, signature };
    const terms = { validAfter: 0n, validBefore: FAR, salt: 1n, signature };
    return [
      { name: "deposit", args: { account, token, amount: 50n } },
      { name: "depositLane", args: { ...stage.lane(stage.arena.tokens.reentrant), amount: 50n } },
      { name: "depositWithAuthorization", args: { account, token, from: account, amount: 50n, ...terms } },
      { name: "depositWithPermit", args: { from: account, token, amount: 50n, deadline: FAR, signature } },
      { name: "sweep", args: { account, token } },
      { name: "withdraw", args: { account, token, amount: 50n, to: account } },
      { name: "withdrawWithSig", args: { account, token, amount: 50n, to: account, order } },
    ];
  };

  it.each([false, true])(
    "enters nothing that calls tokens, so every movement counts once (early: %s)",
    async (early) => {
      const { reentrant } = stage.arena.tokens;
      await stage.endow(reentrant, 10_000n);
      await stage.tell(stage.arena.owner, reentrant, "mint", stage.arena.doors.get(stage.robot.address), 10n);
      await stage.deposit(reentrant, 1_000n);
      // a withdrawal by signature carries the same call as a plain one
      const outer = guarded().filter(({ name }) => name !== "withdrawWithSig");
      let before = await stage.arena.rpc("evm_snapshot", []);
      for (const { name, args } of outer) {
        for (const nested of guarded()) {
          await plan(stage.arena.vault, encodeCall(nested), "0x", early);
          const held = await stage.unitsOf(reentrant, stage.arena.vault);
          expect(await stage.ask(stage.robot, name, args), `${nested.name} in ${name}`).toBe("ok");
          expect(await stage.view(reentrant, "entered")).toBe(
            encodeAbiParameters([{ type: "uint256" }], [0n]),
          );
          const refusal = decodeFunctionResult({
            abi: reentrant.abi,
            functionName: "refusal",
            data: (await stage.view(reentrant, "refusal")) as Address,
          });
          expect(decodeErrorResult({ abi: VAULT_ABI, data: refusal as Address }).errorName).toBe("Reentered");
          const moved = (await stage.unitsOf(reentrant, stage.arena.vault)) - held;
          expect(moved).toBe(name === "withdraw" ? -50n : name === "sweep" ? 10n : 50n);
          expect(await stage.owed(reentrant)).toBe(held + moved);
          await stage.arena.rpc("evm_revert", [before]);
          before = await stage.arena.rpc("evm_snapshot", []);
        }
      }
    },
  );

  it("may start a close's end while tokens come in: the lane is read afterwards", async () => {
    const { reentrant } = stage.arena.tokens;
    await stage.endow(reentrant, 1_000n);
    await stage.deposit(reentrant, 100n);
    await stage.fund(reentrant, 5n);
    await stage.ask(stage.robot, "requestClose", stage.lane(reentrant));
    stage.pass(HOUR);
    await plan(
      stage.arena.vault,
      encodeCall({ name: "finalizeClose", args: stage.lane(reentrant) }),
      "0x",
      false,
    );
    expect(await stage.ask(stage.robot, "depositLane", { ...stage.lane(reentrant), amount: 7n })).toBe("ok");
    expect(await stage.arena.read("lane", Object.values(stage.lane(reentrant)))).toEqual([0n, 7n, 0, 1, 1]);
    expect(await stage.vaultOf(reentrant, stage.robot)).toBe(100n);
    expect(await stage.owed(reentrant)).toBe(107n);
  });

  it.each([
    ["nothing", "0x", "ok"],
    ["true", encodeAbiParameters([{ type: "bool" }], [true]), "ok"],
    ["true and more", `${encodeAbiParameters([{ type: "bool" }], [true])}ff`, "ok"],
    ["false", encodeAbiParameters([{ type: "bool" }], [false]), "TokenRefused"],
    ["two", encodeAbiParameters([{ type: "uint256" }], [2n]), "TokenRefused"],
    ["one byte", "0x01", "TokenRefused"],
  ] as const)("is taken at its word when it answers %s", async (_, answer, outcome) => {
    const { reentrant } = stage.arena.tokens;
    await stage.endow(reentrant, 1_000n);
    await idle();
    await stage.deposit(reentrant, 100n);
    await plan(NOBODY, "0x", answer, false);
    expect(await stage.deposit(reentrant, 10n)).toBe(outcome);
    expect(await stage.withdraw(reentrant, stage.robot, 10n)).toBe(outcome);
    expect(await stage.owed(reentrant)).toBe(100n);
  });
});

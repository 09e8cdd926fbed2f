/** What an operator can do with a device: each in a dialog that says what it means. */
import { useState } from "preact/hooks";
import type { z } from "zod";
import type { rotation } from "../../api/action.ts";
import type { DeviceRow } from "../../api/device.ts";
import { ask, Problem as Refused } from "../fetch.ts";
import { useWords } from "../language.ts";
import { changed } from "../live.ts";
import { Button } from "../parts/button.tsx";
import { Copy } from "../parts/code.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { Field } from "../parts/field.tsx";
import { Problem } from "../parts/notice.tsx";
import { tell } from "../parts/toast.tsx";
import { devicesWords } from "./devices.words.ts";

type Props = { readonly device: DeviceRow; readonly onClose: () => void };

type Doing = {
  readonly isBusy: boolean;
  readonly problem: Refused | null;
  readonly run: (act: () => Promise<void>) => void;
};

/** One thing at a time, and what went wrong with it. */
function useDoing(): Doing {
  const [state, set] = useState<Omit<Doing, "run">>({ isBusy: false, problem: null });
  const run = (act: () => Promise<void>) => {
    set({ isBusy: true, problem: null });
    act().then(
      () => {
        set({ isBusy: false, problem: null });
        changed(["devices", "alerts", "tasks"]);
      },
      (reason: unknown) => {
        const problem = reason instanceof Refused ? reason : new Refused(0, { title: String(reason) });
        set({ isBusy: false, problem });
      },
    );
  };
  return { ...state, run };
}

/** Keeps a device out, or lets it in again. */
export function AccessDialog({ device, onClose }: Props) {
  const say = useWords(devicesWords);
  const { isBusy, problem, run } = useDoing();
  const params = { device: device.address };
  const isDisabled = device.state === "disabled";
  const act = async () => {
    if (isDisabled) await ask("POST /devices/:device/enable", { params });
    else await ask("POST /devices/:device/disable", { params });
    tell(isDisabled ? say.enabled(device.name) : say.disabled(device.name));
    onClose();
  };
  return (
    <Dialog
      title={isDisabled ? say.enableTitle(device.name) : say.disableTitle(device.name)}
      onClose={onClose}
      actions={
        <Button kind={isDisabled ? "primary" : "danger"} isBusy={isBusy} onPress={() => run(act)}>
          {isDisabled ? say.enable : say.disable}
        </Button>
      }
    >
      <p>{isDisabled ? say.enableAbout : say.disableAbout}</p>
      {problem && <Problem problem={problem} />}
    </Dialog>
  );
}

/** Gives a device a new key, or the command that does. */
export function RotateDialog({ device, onClose }: Props) {
  const say = useWords(devicesWords);
  const { isBusy, problem, run } = useDoing();
  const [found, setFound] = useState<z.output<typeof rotation> | null>(null);
  const act = async () => {
    setFound(await ask("POST /devices/:device/rotate-key", { params: { device: device.address } }));
  };
  return (
    <Dialog
      title={say.rotateTitle(device.name)}
      onClose={onClose}
      {...(found ? { closeText: say.close } : {})}
      actions={
        !found && (
          <Button kind={device.isKept ? "danger" : "primary"} isBusy={isBusy} onPress={() => run(act)}>
            {say.rotate}
          </Button>
        )
      }
    >
      {!found && <p>{device.isKept ? say.rotateKept : say.rotateOwn}</p>}
      {problem && <Problem problem={problem} />}
      {found && (
        <div role="status">
          <p>{found.what}</p>
          {found.command && (
            <p class="command">
              <code>{found.command}</code> <Copy text={found.command} what={say.command} />
            </p>
          )}
        </div>
      )}
    </Dialog>
  );
}

type BudgetProps = Props & { readonly perDay: string | null };

/** What a device may spend in a day. */
export function BudgetDialog({ device, perDay, onClose }: BudgetProps) {
  const say = useWords(devicesWords);
  const { isBusy, problem, run } = useDoing();
  const [draft, setDraft] = useState(perDay ?? "");
  const text = draft.trim();
  const isGood = text === "" || /^\d{1,20}(\.\d{1,36})?$/.test(text);
  const act = async () => {
    const input = { perDay: text === "" ? null : text };
    await ask("POST /devices/:device/budget", { params: { device: device.address }, input });
    tell(say.saved);
    onClose();
  };
  return (
    <Dialog
      title={say.budgetTitle(device.name)}
      onClose={onClose}
      actions={
        <Button kind="primary" isBusy={isBusy} isDisabled={!isGood} onPress={() => run(act)}>
          {say.save}
        </Button>
      }
    >
      <Field
        label={say.budgetAmount}
        value={draft}
        onChange={setDraft}
        mode="decimal"
        hint={say.budgetHint}
        wrong={isGood ? undefined : say.badBudget}
      />
      {problem && <Problem problem={problem} />}
    </Dialog>
  );
}

/** Sends a test task to a device and follows it until its answer was judged. */
import { useEffect, useState } from "preact/hooks";
import type { DeviceRow } from "../../api/device.ts";
import { useAsk } from "../asked.ts";
import { ask, Problem as Refused } from "../fetch.ts";
import { useWords } from "../language.ts";
import { Button } from "../parts/button.tsx";
import { Hash } from "../parts/code.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { Problem } from "../parts/notice.tsx";
import { StateMark } from "../parts/state-mark.tsx";
import { devicesWords } from "./devices.words.ts";
import { MarketState } from "./market-word.tsx";

/** The live line may be down: then it is looked at by itself. */
const LOOK_EVERY = 1_000;

/** States after which nothing more is to come. */
const OVER = ["paid", "settled", "declined", "expired", "forfeited", "rejected", "cancelled", "refunded"];

type Props = { readonly device: DeviceRow; readonly onClose: () => void };

/** The dialog behind "Send a test task". */
export function TestTaskDialog({ device, onClose }: Props) {
  const say = useWords(devicesWords);
  const [task, setTask] = useState<string | null>(null);
  const [problem, setProblem] = useState<Refused | null>(null);
  const [isBusy, setBusy] = useState(false);
  const send = () => {
    setBusy(true);
    ask("POST /devices/:device/test-task", { params: { device: device.address } })
      .then((sent) => {
        setTask(sent.task);
        setProblem(null);
      })
      .catch((reason: unknown) => setProblem(reason instanceof Refused ? reason : new Refused(0, {})))
      .finally(() => setBusy(false));
  };
  return (
    <Dialog
      title={`${say.testTitle}: ${device.name}`}
      onClose={onClose}
      {...(task ? { closeText: say.close } : {})}
      actions={
        !task && (
          <Button kind="primary" isBusy={isBusy} onPress={send}>
            {say.test}
          </Button>
        )
      }
    >
      <p>{say.testAbout}</p>
      {problem && <Problem problem={problem} />}
      {task && <Followed task={task} />}
    </Dialog>
  );
}

function Followed({ task }: { readonly task: string }) {
  const say = useWords(devicesWords);
  const { answer, problem, reload } = useAsk("GET /tasks/:task", { params: { task } }, ["tasks"]);
  const isOver = answer !== null && OVER.includes(answer.state);
  useEffect(() => {
    if (isOver) return;
    const timer = setInterval(reload, LOOK_EVERY);
    return () => clearInterval(timer);
  }, [isOver, reload]);
  const verdict = answer?.verdict?.verdict;
  return (
    <div class="followed" role="status">
      <p>
        {say.testSent} <Hash hex={task} />
      </p>
      <p>
        {answer ? (
          <MarketState state={answer.state} />
        ) : problem?.code === "not_found" || !problem ? (
          say.testWaiting
        ) : null}
        {verdict && (
          <>
            {" "}
            ·{" "}
            <StateMark
              tone={verdict === "accepted" ? "good" : "bad"}
              word={verdict === "accepted" ? say.testAgrees : say.testDisagrees}
            />
          </>
        )}
      </p>
      {answer?.verdict && <p class="muted">{answer.verdict.how}</p>}
      {problem && problem.code !== "not_found" && <Problem problem={problem} />}
      <p>
        <a href={`/tasks/${task}`}>{say.testPage}</a>
      </p>
    </div>
  );
}

/** One device: its link, counters, keys, prices, money and messages, and what its operator can do with it. */
import { useState } from "preact/hooks";
import type { DeviceDetail } from "../../api/device.ts";
import { useAsk } from "../asked.ts";
import { useWords } from "../language.ts";
import type { PageProps } from "../page.ts";
import { Button } from "../parts/button.tsx";
import { Card } from "../parts/card.tsx";
import { Heading } from "../parts/heading.tsx";
import { Empty, Loading, Problem } from "../parts/notice.tsx";
import { withQuery } from "../router.ts";
import { useRights } from "../session.ts";
import {
  CountersCard,
  EarningsCard,
  LinkCard,
  MessagesCard,
  MoneyCard,
  PricesCard,
} from "./device-cards.tsx";
import { AccessDialog, BudgetDialog, RotateDialog } from "./device-dialogs.tsx";
import { usePeriod } from "./device-period.ts";
import { devicesWords } from "./devices.words.ts";
import { TaskTable } from "./task-table.tsx";
import { TestTaskDialog } from "./test-task-dialog.tsx";
import "./lists.css";

type Asked = "access" | "rotate" | "test" | "budget";

/** The page at `/devices/:device`. */
export function DevicePage({ params }: PageProps) {
  const say = useWords(devicesWords);
  const { device = "" } = params;
  const { answer, problem, reload } = useAsk(
    "GET /devices/:device",
    { params: { device }, input: usePeriod() },
    ["devices", "tasks"],
  );
  const isGone = problem?.code === "not_found";
  return (
    <div class="device">
      <Heading title={answer?.device.name ?? device} side={<a href="/devices">{say.back}</a>} />
      {isGone && <Empty title={say.gone} />}
      {problem && !isGone && <Problem problem={problem} onRetry={reload} />}
      {answer && !isGone && <Device detail={answer} />}
      {!answer && !problem && <Loading />}
    </div>
  );
}

function Device({ detail }: { readonly detail: DeviceDetail }) {
  const say = useWords(devicesWords);
  const { isOperator, isKeeper } = useRights();
  const [asked, ask] = useState<Asked | null>(null);
  const { device, money, tasks, testTask } = detail;
  const end = () => ask(null);
  return (
    <>
      <div class="row device-acts">
        {isKeeper && (
          <Button onPress={() => ask("test")} isDisabled={!testTask.ready}>
            {say.test}
          </Button>
        )}
        {isOperator && (
          <>
            <Button onPress={() => ask("budget")}>{say.budget}</Button>
            <Button onPress={() => ask("rotate")}>{say.rotate}</Button>
            <Button kind={device.state === "disabled" ? "primary" : "danger"} onPress={() => ask("access")}>
              {device.state === "disabled" ? say.enable : say.disable}
            </Button>
          </>
        )}
        <a class="link-button" href={withQuery("/settlements", { device: device.address })}>
          {say.log}
        </a>
        <a class="link-button" href={withQuery("/lanes", { device: device.address })}>
          {say.lanes}
        </a>
      </div>
      {isKeeper && !testTask.ready && <p class="muted">{say.testNotReady(testTask.why)}</p>}
      <div class="device-cards">
        <LinkCard detail={detail} />
        <EarningsCard detail={detail} />
        <MoneyCard detail={detail} />
        <CountersCard detail={detail} />
      </div>
      <PricesCard detail={detail} />
      <Card title={say.tasksTitle}>
        <TaskTable
          caption={say.tasksTitle}
          isCaptionHidden
          rows={tasks}
          isLive={false}
          empty={<p class="muted">{say.noTasks}</p>}
        />
      </Card>
      <MessagesCard detail={detail} />
      {asked === "access" && <AccessDialog device={device} onClose={end} />}
      {asked === "rotate" && <RotateDialog device={device} onClose={end} />}
      {asked === "budget" && <BudgetDialog device={device} perDay={money.perDay} onClose={end} />}
      {asked === "test" && <TestTaskDialog device={device} onClose={end} />}
    </>
  );
}

/** A datagram socket as systemd has one, and what arrives there. */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { onTestFinished } from "vitest";

/** Receives in Perl, which every Debian has: it drops the descriptor of a barrier, as systemd does, and Node has no such sockets. */
const RECEIVER = `
use Socket;
my $name = $ARGV[0];
$name =~ s/^@/\\0/;
socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die;
bind($socket, sockaddr_un($name)) or die "bind: $!";
$| = 1;
print "bound\\n";
while (defined recv($socket, my $text, 65536, 0)) {
  $text =~ s/\\n+$//;
  $text =~ s/\\n/|/g;
  print "$text\\n";
}
`;

/** Programs that are needed and not here. */
export const MISSING = ["perl", "systemd-notify"].filter((tool) => spawnSync(tool, ["--version"]).error);

export type NotifySocket = {
  /** For `NOTIFY_SOCKET`. */
  readonly name: string;
  /** Every message in order, its lines joined by `|`; barriers left out. */
  readonly heard: readonly string[];
  /** Resolves once so many have come. */
  until(count: number): Promise<void>;
};

/** Closed when the test is over. */
export async function openNotifySocket(options: { abstract?: boolean } = {}): Promise<NotifySocket> {
  const folder = mkdtempSync(join(tmpdir(), "hirewire-notify-"));
  const name = options.abstract === true ? `@hirewire-${process.pid}-${folder.slice(-6)}` : join(folder, "s");
  const receiver = spawn("perl", ["-e", RECEIVER, name], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => {
    receiver.kill();
    rmSync(folder, { recursive: true, force: true });
  });
  const heard: string[] = [];
  let wake: () => void = () => undefined;
  const bound = Promise.withResolvers<void>();
  createInterface({ input: receiver.stdout }).on("line", (line) => {
    if (line === "bound") bound.resolve();
    else if (line !== "BARRIER=1") heard.push(line);
    wake();
  });
  await bound.promise;
  return {
    name,
    heard,
    until: async (count) => {
      while (heard.length < count) await new Promise<void>((resolve) => (wake = resolve));
    },
  };
}

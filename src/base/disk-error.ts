/** What the operating system says about a file that it does not give, in words. */

/**
 * Such as `"permission denied"`, or `"it is a folder"`; the error's own words where it is no system error.
 *
 * @param cause - what a call of `node:fs` threw: `"EACCES: permission denied, open 'x'"` repeats call and path
 */
export function diskReason(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  if ("code" in cause && cause.code === "EISDIR") return "it is a folder";
  return /^E[A-Z0-9]+: ([^,]+)/.exec(cause.message)?.[1] ?? cause.message;
}

/** The fault that an error of `node:fs` is: a full disk has a name of its own, since the remedy is another. */
export function diskCode(cause: unknown): "disk_full" | "disk_failed" {
  const code = cause instanceof Error && "code" in cause ? cause.code : null;
  return code === "ENOSPC" || code === "EDQUOT" ? "disk_full" : "disk_failed";
}

/** "done", or the code of what went wrong. */
export async function attempt(what: () => Promise<unknown>): Promise<string> {
  try {
    await what();
    return "done";
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : "failed";
  }
}

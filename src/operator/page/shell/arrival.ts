/** Whether a page is the first that is shown, or was gone to. */
let count = 0;

/** Counts a page that is shown. */
export function arrive(): void {
  count++;
}

/** Whether no other page was shown before. */
export function isFirstPage(): boolean {
  return count <= 1;
}

/** The one entry of both builds: everything that JavaScript calls. */
export { hasFusedMultiplyAdd } from "./field/pair";
export * from "./hash/exports";
export * from "./curve/exports-batch";
export * from "./curve/exports-single";

/** First address that no kernel uses on its own: all from there on is JavaScript's to give. */
export function heapBase(): usize {
  return __heap_base;
}

import { describe } from "vitest";
import { refusesForgedBatches } from "../slow/kernels/forged-batches.ts";

describe("a million batches with a forgery", () => refusesForgedBatches(1_000_000));

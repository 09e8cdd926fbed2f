import { describe } from "vitest";
import { refusesForgedBatches } from "./forged-batches.ts";

describe("400,000 batches with a forgery", () => refusesForgedBatches(400_000));

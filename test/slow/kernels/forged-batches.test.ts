import { describe } from "vitest";
import { refusesForgedBatches } from "./forged-batches.ts";

describe("200,000 batches with a forgery", () => refusesForgedBatches(200_000));

/** Where a command writes: a terminal, a pipe, or a test. */
export interface CommandIo {
  /** The command's result. */
  write(text: string): void;
  /** Progress, beside the result. */
  warn(text: string): void;
  /** Width of the terminal in characters, where there is one. */
  readonly columns?: number;
  readonly isTerminal: boolean;
}

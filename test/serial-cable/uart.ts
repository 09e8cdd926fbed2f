/** The board's end of a cable as its UART: it stays while the board's program comes and goes. */
import { SerialPort } from "serialport";
import type { BytePort } from "../../src/link/serial/reliable.ts";

/** A UART with the power on: nothing more goes out of it, or comes in, once that is cut. */
export type PoweredPort = BytePort & { cutPower(): void };

export class Uart {
  readonly #port: SerialPort;
  #listener: (bytes: Uint8Array) => void = () => undefined;

  static async open(path: string, baud: number): Promise<Uart> {
    const port = new SerialPort({ path, baudRate: baud, hupcl: false, autoOpen: false });
    await new Promise<void>((resolve, reject) => port.open((error) => (error ? reject(error) : resolve())));
    port.on("error", () => undefined);
    return new Uart(port);
  }

  private constructor(port: SerialPort) {
    this.#port = port;
    port.on("data", (bytes: Buffer) => this.#listener(bytes));
  }

  /** For one life of the board's program. */
  power(): PoweredPort {
    let isOn = true;
    return {
      write: (bytes) => {
        if (isOn && this.#port.isOpen) this.#port.write(bytes);
      },
      onBytes: (listener) => {
        this.#listener = (bytes) => {
          if (isOn) listener(bytes);
        };
      },
      cutPower: () => {
        isOn = false;
      },
    };
  }

  async close(): Promise<void> {
    if (this.#port.isOpen) await new Promise((resolve) => this.#port.close(resolve));
  }
}

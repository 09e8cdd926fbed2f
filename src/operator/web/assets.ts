/** The built page and the kernels, read once: what is not among them cannot be asked for, whatever a path looks like. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { extname, join, relative, sep } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".ico": "image/x-icon",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".wasm": "application/wasm",
  ".webmanifest": "application/manifest+json",
  ".woff2": "font/woff2",
};

/** Names with a hash of what is in them: Vite puts them here. */
const HASHED = "/assets/";

/** Below this a compressed answer is no shorter on the wire, bytes. */
const TINY = 512;

type Packed = { readonly encoding: "br" | "gzip"; readonly bytes: Uint8Array };

class Asset {
  readonly type: string;
  readonly etag: string;
  readonly isHashed: boolean;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #packed = new Map<string, Promise<Packed>>();

  constructor(path: string, bytes: Uint8Array<ArrayBuffer>) {
    this.type = TYPES[extname(path)] ?? "application/octet-stream";
    this.etag = createHash("sha256").update(bytes).digest("base64url").slice(0, 22);
    this.isHashed = path.startsWith(HASHED);
    this.#bytes = bytes;
  }

  /** The bytes as they go out; compressed when they are asked for first, and never again. */
  async body(accepted: string): Promise<{ encoding: string | null; bytes: Uint8Array<ArrayBuffer> }> {
    const isText = /^(text|application\/(json|wasm|manifest)|image\/svg)/.test(this.type);
    const encoding = isText && this.#bytes.length >= TINY ? encodingIn(accepted) : null;
    if (encoding === null) return { encoding, bytes: this.#bytes };
    const under = this.#packed.get(encoding) ?? pack(encoding, this.#bytes);
    this.#packed.set(encoding, under);
    return { encoding, bytes: new Uint8Array((await under).bytes) };
  }
}

function encodingIn(accepted: string): Packed["encoding"] | null {
  const taken = accepted
    .split(",")
    .map((one) => one.trim().toLowerCase())
    .filter((one) => !/;\s*q=0(\.0*)?$/.test(one))
    .map((one) => one.split(";")[0]);
  if (taken.includes("br")) return "br";
  return taken.includes("gzip") ? "gzip" : null;
}

async function pack(encoding: Packed["encoding"], bytes: Uint8Array): Promise<Packed> {
  if (encoding === "gzip") return { encoding, bytes: await promisify(gzip)(bytes, { level: 9 }) };
  const params = { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  return { encoding, bytes: await promisify(brotliCompress)(bytes, { params }) };
}

export class Assets {
  readonly #assets = new Map<string, Asset>();

  /** Reads both folders; one that is not there, or was never built, is empty. */
  constructor({ pageFolder, kernelFolder }: { readonly pageFolder: string; readonly kernelFolder: string }) {
    this.#read(pageFolder, "/", (name) => extname(name) in TYPES);
    this.#read(kernelFolder, "/kernels/", (name) => name.endsWith(".wasm"));
  }

  /** Whether there is a page at all. */
  get hasPage(): boolean {
    return this.#assets.has("/index.html");
  }

  /**
   * The answer to a path; where no file is meant, the page itself, which knows its own paths. Null for a file that is not
   * there.
   *
   * @param accepted - the request's Accept-Encoding
   * @param known - its If-None-Match
   */
  async answer(path: string, accepted: string, known: string): Promise<Response | null> {
    const asset = this.#assets.get(path === "/" ? "/index.html" : path) ?? this.#fallback(path);
    if (!asset) return null;
    const etag = `"${asset.etag}"`;
    const headers = {
      etag,
      vary: "accept-encoding",
      "cache-control": asset.isHashed ? "public, max-age=31536000, immutable" : "no-cache",
    };
    if (known.split(",").some((one) => one.trim().replace(/^W\//, "") === etag)) {
      return new Response(null, { status: 304, headers });
    }
    const { encoding, bytes } = await asset.body(accepted);
    const packed = encoding !== null && { "content-encoding": encoding };
    return new Response(bytes, { headers: { ...headers, "content-type": asset.type, ...packed } });
  }

  #fallback(path: string): Asset | undefined {
    const isFile = path.startsWith(HASHED) || path.startsWith("/kernels/") || extname(path) in TYPES;
    return isFile ? undefined : this.#assets.get("/index.html");
  }

  #read(folder: string, prefix: string, isTaken: (name: string) => boolean): void {
    for (const file of filesIn(folder)) {
      const path = `${prefix}${relative(folder, file).replaceAll(sep, "/")}`;
      if (isTaken(path)) this.#assets.set(path, new Asset(path, new Uint8Array(readFileSync(file))));
    }
  }
}

function filesIn(folder: string): string[] {
  try {
    const found = readdirSync(folder, { recursive: true, withFileTypes: true });
    return found.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name));
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return [];
    throw cause;
  }
}

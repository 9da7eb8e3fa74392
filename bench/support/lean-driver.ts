import pg from 'pg';
import { eventStore } from './libraries.ts';
import type { PreparedInput } from './prepared-inputs.ts';

const STATEMENT = 'append';

/**
 * One connection that speaks the protocol by itself after `pg` has signed in: it sends bytes that were made beforehand,
 * and of the answers reads only where one ends and whether it is an error.
 */
class LeanConnection {
  readonly #client: pg.Client;
  #waiting: { resolve(): void; reject(error: Error): void } | undefined;
  #rest: Buffer = Buffer.alloc(0);

  private constructor(client: pg.Client) {
    this.#client = client;
  }

  static async open(url: string): Promise<LeanConnection> {
    const client = new pg.Client({ connectionString: url, options: eventStore.sessionOptions('service') });
    await client.connect();
    const connection = new LeanConnection(client);
    const stream = connection.#stream();
    for (const event of ['data', 'close', 'end', 'error']) stream.removeAllListeners(event);
    stream.on('error', (error) => connection.#waiting?.reject(error));
    stream.on('data', (chunk: Buffer) => connection.#receive(chunk));
    const parse = message('P', text(STATEMENT), text('SELECT append($1, $2)'), int16(0));
    await connection.send(Buffer.concat([parse, message('S')]));
    return connection;
  }

  /** Resolves when the server is ready again. */
  send(bytes: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#stream().write(bytes);
    });
  }

  close(): void {
    this.#stream().destroy();
  }

  #stream(): import('node:net').Socket {
    return (this.#client as unknown as { connection: { stream: import('node:net').Socket } }).connection.stream;
  }

  #receive(chunk: Buffer): void {
    let bytes: Buffer = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (bytes.length >= 5 && bytes.length > bytes.readInt32BE(1)) {
      const end = bytes.readInt32BE(1) + 1;
      const type = bytes[0];
      if (type === 0x45) this.#waiting?.reject(new Error(`PostgreSQL refused: ${bytes.toString('utf8', 5, end)}`));
      if (type === 0x5a) this.#waiting?.resolve();
      bytes = bytes.subarray(end);
    }
    this.#rest = bytes;
  }
}

/**
 * Drives the SQL function `append` as fast as Node can: no pool, no events, no JSON, nothing but sockets. Answers the
 * operation that each client repeats, one input each time.
 */
export async function openLeanDriver(
  url: string,
  clients: number,
  inputs: readonly PreparedInput[],
): Promise<{ operation: (client: number) => Promise<void>; close(): void }> {
  const connections = await Promise.all(Array.from({ length: clients }, () => LeanConnection.open(url)));
  const messages = inputs.map(({ tenantId, input }) => execute(tenantId, input));
  return {
    operation: async (client) => {
      const bytes = messages.pop();
      if (!bytes) throw new Error('More appends than were prepared for.');
      await connections[client]?.send(bytes);
    },
    close: () => connections.forEach((connection) => connection.close()),
  };
}

/** Bind with two parameters as text, Execute, Sync. */
function execute(...values: string[]): Buffer {
  const parameters = values.flatMap((value) => [int32(Buffer.byteLength(value)), Buffer.from(value)]);
  const bind = message('B', text(''), text(STATEMENT), int16(0), int16(values.length), ...parameters, int16(0));
  return Buffer.concat([bind, message('E', text(''), int32(0)), message('S')]);
}

function message(type: string, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body]);
}

function text(value: string): Buffer {
  return Buffer.from(`${value}\0`);
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

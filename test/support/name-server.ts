import { createSocket, type Socket } from 'node:dgram';
import { isIP } from 'node:net';
import { once } from 'node:events';

/** What a name has: addresses of both kinds, another name, or nothing. */
export type Records = readonly string[];

const TYPES = { A: 1, CNAME: 5, AAAA: 28 } as const;

/** A name server on loopback (RFC 1035, UDP) that says what a test tells it to, and counts what it is asked. */
export class NameServer {
  /** The answers to each question, the last one for ever: several let a name change between two questions. */
  readonly #zones = new Map<string, Records[]>();
  readonly asked: { readonly name: string; readonly type: 'A' | 'AAAA' }[] = [];

  private constructor(
    private readonly socket: Socket,
    /** As `setServers` of node:dns takes it. */
    readonly address: string,
  ) {}

  static async start(): Promise<NameServer> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const server = new NameServer(socket, `127.0.0.1:${socket.address().port}`);
    socket.on('message', (question, from) => {
      const answer = server.#answer(question);
      if (answer) socket.send(answer, from.port, from.address);
    });
    return server;
  }

  /** What `name` has from now on; given several times, one after the other, one for each look-up of its A records. */
  put(name: string, ...answers: Records[]): void {
    this.#zones.set(name, answers);
  }

  stop(): void {
    this.socket.close();
  }

  #answer(question: Buffer): Buffer | undefined {
    const labels: string[] = [];
    let at = 12;
    for (let length = question[at]!; length > 0; length = question[at]!) {
      labels.push(question.subarray(at + 1, at + 1 + length).toString());
      at += length + 1;
    }
    const end = at + 5;
    const number = question.readUInt16BE(at + 1);
    if (number !== TYPES.A && number !== TYPES.AAAA) return undefined;
    const [name, type] = [labels.join('.').toLowerCase(), number === TYPES.A ? 'A' : 'AAAA'] as const;
    this.asked.push({ name, type });
    const answers = this.#zones.get(name);
    const times = this.asked.filter((one) => one.name === name && one.type === type).length;
    const records = answers?.[Math.min(times, answers.length) - 1];
    const found = this.#records(name, records ?? [], number);
    const header = Buffer.from(question.subarray(0, 12));
    header.writeUInt16BE(records ? 0x8580 : 0x8583, 2);
    header.writeUInt16BE(found.length, 6);
    header.writeUInt16BE(0, 8);
    header.writeUInt16BE(0, 10);
    return Buffer.concat([header, question.subarray(12, end), ...found]);
  }

  #records(name: string, records: Records, type: number): Buffer[] {
    return records.flatMap((record) => {
      const family = isIP(record);
      if (family === 0) {
        const other = this.#zones.get(record)?.[0] ?? [];
        return [resourceRecord(name, TYPES.CNAME, encodeName(record)), ...this.#records(record, other, type)];
      }
      if ((family === 4) !== (type === TYPES.A)) return [];
      return [resourceRecord(name, type, encodeAddress(record))];
    });
  }
}

function resourceRecord(name: string, type: number, data: Buffer): Buffer {
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(type, 0);
  fixed.writeUInt16BE(1, 2);
  fixed.writeUInt32BE(0, 4);
  fixed.writeUInt16BE(data.length, 8);
  return Buffer.concat([encodeName(name), fixed, data]);
}

function encodeName(name: string): Buffer {
  const labels = name.split('.').map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  return Buffer.concat([...labels, Buffer.from([0])]);
}

function encodeAddress(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail = ''] = address.split('::');
  const words = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16));
  const [before, after] = [words(head), words(tail)];
  const all = address.includes('::')
    ? [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after]
    : before;
  const bytes = Buffer.alloc(16);
  all.forEach((word, index) => bytes.writeUInt16BE(word, index * 2));
  return bytes;
}

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** What becomes of one message from the client: it never arrives, or its answer never comes back. */
export type Fault = 'before' | 'after' | undefined;

interface Link {
  readonly client: Socket;
  readonly server: Socket;
  messages: number;
  cutOnAnswer: boolean;
  /** Has asked to be notified of new rows of the revocation feed. */
  listens: boolean;
  vanished: boolean;
}

// Start-up and password: a connection that has not been opened is no crash in the middle of anything.
const OPENING = 3;

/** Stands between a service and PostgreSQL and loses connections, or packets, where it is told to. */
export class FaultyProxy {
  readonly #links = new Set<Link>();
  readonly #server: Server;
  /** Asked for every message of a client. */
  fault: () => Fault = () => undefined;
  #away = false;
  /** Connections cut so far. */
  readonly cuts = { before: 0, after: 0 };

  private constructor(host: string, port: number) {
    this.#server = createServer({ noDelay: true }, (client) =>
      this.#join(client, connect({ host, port, noDelay: true })),
    );
  }

  /** In front of the server that `url` names. */
  static async open(url: string): Promise<FaultyProxy> {
    const { hostname, port } = new URL(url);
    const proxy = new FaultyProxy(hostname, Number(port || 5432));
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  /** `url` by way of this proxy. */
  through(url: string): string {
    const by = new URL(url);
    by.hostname = '127.0.0.1';
    by.port = String((this.#server.address() as AddressInfo).port);
    return by.href;
  }

  /** How many connections listen for revocations, and have not vanished. */
  get listening(): number {
    return [...this.#links].filter(({ listens, vanished }) => listens && !vanished).length;
  }

  /**
   * From now on the packets of every connection that there is, or of those that listen, are dropped, in both directions,
   * and no end of it is told: to each side the other has vanished. New connections work, unless the server is `away`.
   */
  vanish(which: 'all' | 'listening' | 'away' = 'all'): void {
    this.#away = which === 'away';
    for (const link of this.#links) if (which !== 'listening' || link.listens) swallow(link);
  }

  /** New connections work again; what has vanished stays so. */
  comeBack(): void {
    this.#away = false;
  }

  async close(): Promise<void> {
    for (const { client, server } of this.#links) {
      client.destroy();
      server.destroy();
    }
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(client: Socket, server: Socket): void {
    const link: Link = { client, server, messages: 0, cutOnAnswer: false, listens: false, vanished: false };
    this.#links.add(link);
    if (this.#away) swallow(link);
    client.on('data', (data) => {
      if (link.vanished) return;
      link.messages += 1;
      if (data.includes('LISTEN "grantkeeper_feed"')) link.listens = true;
      const fault = link.messages > OPENING ? this.fault() : undefined;
      if (fault === 'before') {
        this.cuts.before += 1;
        this.#cut(link);
        return;
      }
      if (fault === 'after') link.cutOnAnswer = true;
      server.write(data);
    });
    server.on('data', (data) => {
      if (link.vanished) return;
      if (link.cutOnAnswer) {
        this.cuts.after += 1;
        this.#cut(link);
        return;
      }
      client.write(data);
    });
    for (const socket of [client, server]) {
      for (const end of ['error', 'end', 'close']) {
        socket.on(end, () => {
          if (!link.vanished) this.#cut(link);
        });
      }
    }
  }

  /** As a reset: what was on its way is lost. */
  #cut(link: Link): void {
    this.#links.delete(link);
    link.client.resetAndDestroy();
    link.server.resetAndDestroy();
  }
}

function swallow(link: Link): void {
  link.vanished = true;
  link.client.pause();
  link.server.pause();
}

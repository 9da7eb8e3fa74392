import { connect, createServer, type Server, type Socket } from 'node:net';

/** The address under which enforcement points know a service. It can be cut like a network: every connection, at once. */
export class Front {
  readonly origin: string;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;
  #cut = false;

  private constructor(server: Server, port: number, sockets: Set<Socket>, isCut: { of: () => boolean }) {
    this.#server = server;
    this.origin = `http://127.0.0.1:${port}`;
    this.#sockets = sockets;
    isCut.of = () => this.#cut;
  }

  static async before(backend: () => number): Promise<Front> {
    const sockets = new Set<Socket>();
    const isCut = { of: (): boolean => false };
    const keep = (socket: Socket): void => {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.once('close', () => sockets.delete(socket));
      socket.on('error', () => undefined);
    };
    const server = createServer((incoming) => {
      if (isCut.of()) {
        incoming.destroy();
        return;
      }
      const onward = connect(backend(), '127.0.0.1');
      for (const socket of [incoming, onward]) keep(socket);
      incoming.pipe(onward);
      onward.pipe(incoming);
      incoming.once('close', () => onward.destroy());
      onward.once('close', () => incoming.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new Front(server, (server.address() as { port: number }).port, sockets, isCut);
  }

  cut(): void {
    this.#cut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend(): void {
    this.#cut = false;
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

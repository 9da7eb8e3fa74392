import { execFileSync } from 'node:child_process';
import { Socket } from 'node:net';
import { connectionSettings } from '@grantkeeper/event-store';
import pg from 'pg';
import { FaultyProxy } from './faulty-proxy.ts';

const ADDRESS = '127.0.0.77';

/** A socket of a host with an address of its own. */
class SocketOfHost extends Socket {
  override connect(...[port, host]: never[]): this {
    return super.connect({ port: Number(port), host: String(host), localAddress: ADDRESS });
  }
}

/**
 * A host with one connection to the database, as a service opens it, that vanishes: no packet of it arrives any more and
 * none reaches it, and nobody is told. In a network of our own the kernel drops the packets; elsewhere a proxy swallows them.
 */
export class VanishingClient {
  private constructor(
    private readonly client: pg.Client,
    private readonly proxy: FaultyProxy | undefined,
  ) {}

  static async connect(url: string, ownNetwork: boolean): Promise<VanishingClient> {
    const proxy = ownNetwork ? undefined : await FaultyProxy.open(url);
    const settings = connectionSettings(proxy ? proxy.through(url) : url, 'service');
    const client = new pg.Client({ ...settings, ...(ownNetwork && { stream: () => new SocketOfHost() }) });
    client.on('error', () => undefined);
    await client.connect();
    return new VanishingClient(client, proxy);
  }

  /** Takes the tenant's head lock in a transaction that it does not end. */
  async holdHeadOf(tenant: string): Promise<void> {
    await this.client.query('BEGIN');
    await this.client.query(`SELECT set_config('app.tenant', $1, true)`, [tenant]);
    await this.client.query('UPDATE heads SET seq = seq + 1 WHERE tenant_id = $1', [tenant]);
  }

  vanish(): void {
    if (this.proxy) this.proxy.vanish();
    else for (const side of ['to', 'from']) rule('add', side);
  }

  /** The host is back; its connection is not. */
  async forget(): Promise<void> {
    if (!this.proxy) for (const side of ['to', 'from']) rule('del', side);
    await Promise.race([this.client.end().catch(() => undefined), new Promise((resolve) => setTimeout(resolve, 500))]);
    await this.proxy?.close();
  }
}

function rule(what: 'add' | 'del', side: string): void {
  execFileSync('ip', ['rule', what, 'pref', side === 'to' ? '1' : '2', side, ADDRESS, 'blackhole']);
}

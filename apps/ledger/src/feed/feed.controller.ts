import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import {
  Body,
  Controller,
  Delete,
  Get,
  Headers,
  HttpCode,
  Ip,
  Param,
  Post,
  Query,
  Res,
  UseFilters,
} from '@nestjs/common';
import { whenUnreachable } from '@grantkeeper/domain';
import { ProblemFilter, readInput } from '@grantkeeper/http';
import { DomainError } from '@grantkeeper/kernel';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { CREDENTIAL_MS, FeedCallers } from './feed-callers.ts';
import { RevocationFeed } from './revocation-feed.ts';

const cursor = z.strictObject({ after: z.coerce.number().int().min(0).default(0) });
const leaseRequest = z.strictObject({
  instance: z.uuid().toLowerCase(),
  epoch: z.int32().min(0),
  applied: z.int().min(0),
  keys: z.array(z.string().max(200)).max(1_000).default([]),
  whenUnreachable: whenUnreachable.optional(),
});
const instanceId = z.uuid().toLowerCase();

/** So that nothing in between takes the stream for dead. It proves nothing to the point. */
const HEARTBEAT_MS = 15_000;
/** A reader that lets this much pile up is cut off: it comes back, and asks for what it has missed. */
const MOST_UNREAD = { cell: 4 * 1024 * 1024, tenant: 1024 * 1024 };

/** The revocation feed of enforcement points: a stream for speed, a delta and a lease for safety. */
@Controller('feed/v1')
@UseFilters(ProblemFilter)
export class FeedController {
  constructor(
    private readonly callers: FeedCallers,
    private readonly feed: RevocationFeed,
  ) {}

  @Get('delta')
  async delta(
    @Headers('authorization') authorization: string | undefined,
    @Ip() address: string,
    @Headers('if-none-match') known: string | undefined,
    @Query() query: unknown,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const caller = await this.callers.authenticate(authorization, address);
    const { after } = readInput(cursor, query);
    const { age, now, ...page } = await this.feed.delta(caller, after);
    const text = JSON.stringify(page);
    const etag = `"${createHash('sha256').update(text).digest('base64url')}"`;
    void reply.headers({
      'cache-control': 'private, no-cache',
      etag,
      'grantkeeper-feed-age': String(Math.ceil(age)),
      'grantkeeper-feed-now': String(now),
    });
    if (known === etag) await reply.status(304).send();
    // Written once: it is a third of a megabyte.
    else await reply.type('application/json').send(`${text.slice(0, -1)},${JSON.stringify({ age, now }).slice(1)}`);
  }

  /** What the caller has applied against what there is. The age is that of a completed read on the primary. */
  @Post('lease')
  @HttpCode(200)
  async lease(
    @Headers('authorization') authorization: string | undefined,
    @Ip() address: string,
    @Body() body: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const caller = await this.callers.authenticate(authorization, address);
    const said = readInput(leaseRequest, body);
    void reply.header('cache-control', 'no-store');
    return this.feed.lease(caller, said);
  }

  /** An instance goes, and nobody need wait for it. */
  @Delete('lease/:instance')
  @HttpCode(204)
  async leave(
    @Headers('authorization') authorization: string | undefined,
    @Ip() address: string,
    @Param('instance') instance: string,
  ): Promise<void> {
    const caller = await this.callers.authenticate(authorization, address);
    await this.feed.leave(caller, readInput(instanceId, instance));
  }

  @Get('stream')
  async stream(
    @Headers('authorization') authorization: string | undefined,
    @Ip() address: string,
    @Query() query: unknown,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const caller = await this.callers.authenticate(authorization, address);
    const { after } = readInput(cursor, query);
    const { raw } = reply;
    if (raw.destroyed) {
      // Gone meanwhile, and nothing will tell of it any more.
      reply.hijack();
      return;
    }
    const send = (text: string): void => {
      if (raw.writableEnded || raw.destroyed) return;
      raw.write(text);
      if (raw.writableLength > MOST_UNREAD[caller.scope]) raw.destroy();
    };
    const sendEntries = (entries: readonly { number: number }[]): void =>
      send(`id: ${entries.at(-1)?.number}\ndata: ${JSON.stringify(entries)}\n\n`);
    // Refuses before the answer has begun, and in the same turn: nothing is sent before the head.
    const unfollow = this.feed.follow(caller, sendEntries, () => raw.end());
    reply.hijack();
    raw.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    });
    send(': the stream is for speed, the lease for safety\n\n');
    const heartbeat = setInterval(() => send(':\n\n'), HEARTBEAT_MS);
    const watch = setInterval(() => void this.#endUnless(authorization, address, raw), CREDENTIAL_MS);
    raw.once('close', () => {
      clearInterval(heartbeat);
      clearInterval(watch);
      unfollow();
    });
    // What came between the caller's last number and now; some of it may come twice, which harms nobody.
    const missed = await this.feed.delta(caller, after).catch(() => undefined);
    if (missed && missed.entries.length > 0) sendEntries(missed.entries);
  }

  /** Cuts the stream of a point that was removed, or whose credential was replaced. Not being able to tell cuts nobody. */
  async #endUnless(authorization: string | undefined, address: string, raw: ServerResponse): Promise<void> {
    try {
      await this.callers.authenticate(authorization, address);
    } catch (error) {
      if (error instanceof DomainError && error.kind === 'unauthenticated') raw.destroy();
    }
  }
}

import {
  Body,
  Controller,
  Get,
  Header,
  Headers,
  HttpCode,
  Param,
  Post,
  Query,
  Req,
  UseFilters,
  UseInterceptors,
} from '@nestjs/common';
import {
  type FindPerson,
  membersOf,
  namedSubject,
  SignalPolls,
  type SignalReceiver,
  SignalStreams,
  type Stream,
  type SubjectMembers,
} from '@grantkeeper/deliveries';
import { Database } from '@grantkeeper/event-store';
import { readInput } from '@grantkeeper/http';
import { SigningKeys, TenantKeys } from '@grantkeeper/keys';
import { isUuid } from '@grantkeeper/kernel';
import { Queues } from '@grantkeeper/queue';
import { SecurityEventTokens } from '@grantkeeper/tokens';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Issuers } from '../discovery/issuer.ts';
import { LongPolls } from './long-poll.ts';
import { SignalCallers } from './signal-callers.ts';
import { SignalErrorsFilter } from './signal-errors.filter.ts';
import { idOf } from './streams.controller.ts';
import { UnprovenSignalCalls } from './unproven-signal-calls.ts';

const named = z.object({ stream_id: z.string() });
const status = z.object({
  stream_id: z.string(),
  status: z.enum(['enabled', 'paused', 'disabled']),
  reason: z.string().max(500).optional(),
});
const subject = z.object({ stream_id: z.string(), subject: namedSubject, verified: z.boolean().optional() });
const verification = z.object({ stream_id: z.string(), state: z.string().max(2_000).optional() });
const jtis = z.array(z.string().max(200)).max(1_000);
const poll = z.object({
  maxEvents: z.int().min(0).max(1_000).default(100),
  returnImmediately: z.boolean().default(false),
  ack: jtis.default([]),
  setErrs: z
    .record(
      z.string().max(200),
      z.object({ err: z.string().regex(/^[A-Za-z_]{1,40}$/), description: z.string().max(2_000).optional() }),
    )
    .default({}),
});

/** What a receiver does with its streams beside configuring them (SSF §8.1.2–§8.1.4), and polls (RFC 8936). */
@Controller('t/:tenant/ssf')
@UseFilters(SignalErrorsFilter)
@UseInterceptors(UnprovenSignalCalls)
export class StreamManagementController {
  readonly #streams: SignalStreams;
  readonly #polls: SignalPolls;

  constructor(
    private readonly issuers: Issuers,
    private readonly callers: SignalCallers,
    private readonly keys: TenantKeys,
    private readonly database: Database,
    private readonly queues: Queues,
    private readonly longPolls: LongPolls,
    signingKeys: SigningKeys,
  ) {
    this.#streams = new SignalStreams(database, keys);
    this.#polls = new SignalPolls(database, new SecurityEventTokens(signingKeys));
  }

  @Get('status')
  @Header('cache-control', 'no-store')
  async status(
    @Param('tenant') tenant: string,
    @Headers('authorization') authorization: string | undefined,
    @Query() query: unknown,
  ) {
    const receiver = await this.#caller(tenant, authorization);
    return statusOf(await this.#streams.get(receiver, idOf(readInput(named, query).stream_id)));
  }

  @Post('status')
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  async setStatus(
    @Param('tenant') tenant: string,
    @Headers('authorization') authorization: string | undefined,
    @Body() body: unknown,
  ) {
    const receiver = await this.#caller(tenant, authorization);
    const wanted = readInput(status, body);
    const id = idOf(wanted.stream_id);
    const stream = await this.#streams.setStatus(receiver, id, wanted.status, wanted.reason ?? null);
    await this.#wake(receiver);
    return statusOf(stream);
  }

  @Post('subjects/add')
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  async addSubject(
    @Param('tenant') tenant: string,
    @Headers('authorization') authorization: string | undefined,
    @Body() body: unknown,
  ): Promise<void> {
    const receiver = await this.#caller(tenant, authorization);
    const wanted = readInput(subject, body);
    await this.#streams.addSubject(receiver, idOf(wanted.stream_id), await this.#members(receiver, wanted.subject));
  }

  /** Also where nobody is known by it: the answer tells nothing about people (SSF §9.1). */
  @Post('subjects/remove')
  @HttpCode(204)
  @Header('cache-control', 'no-store')
  async removeSubject(
    @Param('tenant') tenant: string,
    @Headers('authorization') authorization: string | undefined,
    @Body() body: unknown,
  ): Promise<void> {
    const receiver = await this.#caller(tenant, authorization);
    const wanted = readInput(subject, body);
    await this.#streams.removeSubject(receiver, idOf(wanted.stream_id), await this.#members(receiver, wanted.subject));
  }

  @Post('verification')
  @HttpCode(204)
  @Header('cache-control', 'no-store')
  async verify(
    @Param('tenant') tenant: string,
    @Headers('authorization') authorization: string | undefined,
    @Body() body: unknown,
  ): Promise<void> {
    const receiver = await this.#caller(tenant, authorization);
    const wanted = readInput(verification, body);
    await this.#streams.verify(receiver, idOf(wanted.stream_id), wanted.state);
    await this.#wake(receiver);
  }

  @Post('poll/:stream')
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  async poll(
    @Param('tenant') tenant: string,
    @Param('stream') stream: string,
    @Headers('authorization') authorization: string | undefined,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
  ) {
    const receiver = await this.#caller(tenant, authorization);
    const wanted = readInput(poll, body ?? {});
    const setErrs = new Map(
      Object.entries(wanted.setErrs).map(([jti, { err, description }]) => [
        jti,
        { err, description: description?.slice(0, 200) ?? null },
      ]),
    );
    const said = { maxEvents: wanted.maxEvents, ack: wanted.ack, setErrs };
    const first = await this.#polls.poll(receiver, idOf(stream), said);
    if (wanted.returnImmediately || wanted.maxEvents === 0 || Object.keys(first.sets).length > 0) return first;
    // What was said has been taken: asked again, it is asked for nothing but what is new.
    const again = { maxEvents: wanted.maxEvents, ack: [], setErrs: new Map() };
    return this.longPolls.until(stream, request.raw, first, () => this.#polls.poll(receiver, stream, again));
  }

  async #caller(tenant: string, authorization: string | undefined): Promise<SignalReceiver> {
    return this.callers.authenticate(await this.issuers.tenantOf(tenant), authorization);
  }

  async #members(
    { tenant }: SignalReceiver,
    subjectNamed: z.infer<typeof namedSubject>,
  ): Promise<SubjectMembers | undefined> {
    const issuer = await this.issuers.urlOf(tenant);
    const find: FindPerson = async (person) => {
      if (person.format === 'iss_sub') return person.iss === issuer && isUuid(person.sub) ? person.sub : undefined;
      const value = await this.keys.emailIndex(tenant, person.email);
      const fact = await this.database.asTenant(tenant, (tx) =>
        tx
          .selectFrom('unique_facts')
          .select('holder')
          .where('tenant_id', '=', tenant)
          .where('kind', '=', 'user.email')
          .where('value', '=', value)
          .executeTakeFirst(),
      );
      // Kept and counted like somebody: how many more can be removed must not tell whether there is such a person.
      return fact?.holder ?? `nobody.${value}`;
    };
    return membersOf(subjectNamed, tenant, find);
  }

  /** A hint: the sweep of the worker finds what is to be pushed without. */
  async #wake({ tenant }: SignalReceiver): Promise<void> {
    await this.queues.enqueue('letters.replay', { tenantId: tenant }, { deduplicate: tenant });
  }
}

function statusOf(stream: Stream) {
  return {
    stream_id: stream.stream_id,
    status: stream.status,
    ...(stream.status_reason !== null && { reason: stream.status_reason }),
  };
}

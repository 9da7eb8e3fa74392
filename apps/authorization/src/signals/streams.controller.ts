import {
  Body,
  Controller,
  Delete,
  Get,
  Header,
  Headers,
  HttpCode,
  Param,
  Patch,
  Post,
  Put,
  Query,
  UseFilters,
  UseInterceptors,
} from '@nestjs/common';
import {
  refuseUnreachable,
  SEALED_AUTHORIZATION,
  type SignalReceiver,
  SignalStreams,
  type Stream,
} from '@grantkeeper/deliveries';
import { Database } from '@grantkeeper/event-store';
import { readInput } from '@grantkeeper/http';
import { TenantKeys } from '@grantkeeper/keys';
import { DomainError, isUuid } from '@grantkeeper/kernel';
import { OutboundClient } from '@grantkeeper/outbound';
import { z } from 'zod';
import { Issuers } from '../discovery/issuer.ts';
import { SignalCallers } from './signal-callers.ts';
import { SignalErrorsFilter } from './signal-errors.filter.ts';
import {
  configurationOf,
  newStream,
  patched,
  PUSH,
  refuseOtherwise,
  settingsOf,
  type StreamChange,
  streamChange,
} from './stream-configuration.ts';
import { UnprovenSignalCalls } from './unproven-signal-calls.ts';

const named = z.object({ stream_id: z.string() });
const perhapsNamed = z.object({ stream_id: z.string().optional() });

/** The configuration endpoint of a tenant's transmitter (SSF §8.1.1): a receiver's own streams. */
@Controller('t/:tenant/ssf/streams')
@UseFilters(SignalErrorsFilter)
@UseInterceptors(UnprovenSignalCalls)
export class SignalStreamsController {
  readonly #streams: SignalStreams;

  constructor(
    private readonly issuers: Issuers,
    private readonly callers: SignalCallers,
    private readonly keys: TenantKeys,
    private readonly outbound: OutboundClient,
    database: Database,
  ) {
    this.#streams = new SignalStreams(database, keys);
  }

  @Post()
  @HttpCode(201)
  @Header('cache-control', 'no-store')
  async create(
    @Param('tenant') tenant: string,
    @Headers('authorization') authorization: string | undefined,
    @Body() body: unknown,
  ) {
    const { receiver, issuer } = await this.#caller(tenant, authorization);
    const given = readInput(newStream, body ?? {});
    this.#refuseUnreachable(given);
    const stream = await this.#streams.create(receiver, settingsOf(given));
    return configurationOf(issuer, receiver.audience, stream);
  }

  @Get()
  @Header('cache-control', 'no-store')
  async read(
    @Param('tenant') tenant: string,
    @Headers('authorization') authorization: string | undefined,
    @Query() query: unknown,
  ) {
    const { receiver, issuer } = await this.#caller(tenant, authorization);
    const show = (stream: Stream) => configurationOf(issuer, receiver.audience, stream);
    const { stream_id: id } = readInput(perhapsNamed, query);
    if (id === undefined) return (await this.#streams.list(receiver)).map(show);
    return show(await this.#streams.get(receiver, idOf(id)));
  }

  /** What is left out stays. */
  @Patch()
  @Header('cache-control', 'no-store')
  async update(
    @Param('tenant') tenant: string,
    @Headers('authorization') authorization: string | undefined,
    @Body() body: unknown,
  ) {
    const { receiver, issuer } = await this.#caller(tenant, authorization);
    const given = readInput(streamChange, body);
    this.#refuseUnreachable(given);
    const id = idOf(given.stream_id);
    const before = await this.#streams.get(receiver, id);
    refuseOtherwise(given, configurationOf(issuer, receiver.audience, before));
    const sent = await this.#authorizationOf(receiver, before);
    const stream = await this.#streams.change(receiver, id, (now) => patched(now, given, sent));
    return configurationOf(issuer, receiver.audience, stream);
  }

  /** What is left out goes. */
  @Put()
  @Header('cache-control', 'no-store')
  async replace(
    @Param('tenant') tenant: string,
    @Headers('authorization') authorization: string | undefined,
    @Body() body: unknown,
  ) {
    const { receiver, issuer } = await this.#caller(tenant, authorization);
    const given = readInput(streamChange, body);
    this.#refuseUnreachable(given);
    const id = idOf(given.stream_id);
    refuseOtherwise(given, configurationOf(issuer, receiver.audience, await this.#streams.get(receiver, id)));
    const stream = await this.#streams.change(receiver, id, () => settingsOf(given));
    return configurationOf(issuer, receiver.audience, stream);
  }

  @Delete()
  @HttpCode(204)
  @Header('cache-control', 'no-store')
  async remove(
    @Param('tenant') tenant: string,
    @Headers('authorization') authorization: string | undefined,
    @Query() query: unknown,
  ): Promise<void> {
    const { receiver } = await this.#caller(tenant, authorization);
    await this.#streams.remove(receiver, idOf(readInput(named, query).stream_id));
  }

  async #caller(tenant: string, authorization: string | undefined) {
    const tenantId = await this.issuers.tenantOf(tenant);
    const receiver = await this.callers.authenticate(tenantId, authorization);
    return { receiver, issuer: await this.issuers.urlOf(tenantId) };
  }

  #refuseUnreachable({ delivery }: Pick<StreamChange, 'delivery'>): void {
    if (delivery?.method === PUSH) refuseUnreachable(this.outbound, delivery.endpoint_url, 'delivery.endpoint_url');
  }

  async #authorizationOf({ tenant }: SignalReceiver, stream: Stream): Promise<string | undefined> {
    if (stream.sealed_authorization === null) return undefined;
    return (
      await this.keys.unseal(tenant, SEALED_AUTHORIZATION, stream.stream_id, stream.sealed_authorization)
    ).toString();
  }
}

/** Ids are UUIDs: anything else names no stream. */
export function idOf(text: string): string {
  if (isUuid(text)) return text;
  throw new DomainError('signals.stream_not_found', 'There is no such stream of this receiver.', 'not_found');
}

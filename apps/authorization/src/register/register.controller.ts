import {
  Body,
  Controller,
  Delete,
  Get,
  Header,
  Headers,
  HttpCode,
  Ip,
  Param,
  Post,
  Put,
  UseFilters,
} from '@nestjs/common';
import { OAuthErrorFilter } from '@grantkeeper/http';
import type { RegistrationResponse } from '@grantkeeper/oauth';
import { Issuers } from '../discovery/issuer.ts';
import { RegistrationManagement } from './registration-management.ts';
import { Registrations } from './registrations.ts';

/**
 * Dynamic client registration (RFC 7591) and its management (RFC 7592). Anonymous, so it makes an operational row that
 * nobody's ledger shows; it becomes a client, and an event, when someone consents to it or an admin admits it.
 */
@Controller('t/:tenant/register')
@UseFilters(OAuthErrorFilter)
export class RegisterController {
  constructor(
    private readonly issuers: Issuers,
    private readonly registrations: Registrations,
    private readonly management: RegistrationManagement,
  ) {}

  @Post()
  @HttpCode(201)
  @Header('cache-control', 'no-store')
  async register(
    @Param('tenant') slug: string,
    @Body() body: unknown,
    @Headers('authorization') authorization: string | undefined,
    @Ip() address: string,
  ): Promise<RegistrationResponse> {
    const tenantId = await this.issuers.tenantOf(slug);
    return this.registrations.register(tenantId, body, authorization, address);
  }

  @Get(':client')
  @Header('cache-control', 'no-store')
  async read(
    @Param('tenant') slug: string,
    @Param('client') clientId: string,
    @Headers('authorization') authorization: string | undefined,
  ): Promise<RegistrationResponse> {
    return this.management.read(await this.issuers.tenantOf(slug), clientId, authorization);
  }

  @Put(':client')
  @Header('cache-control', 'no-store')
  async update(
    @Param('tenant') slug: string,
    @Param('client') clientId: string,
    @Headers('authorization') authorization: string | undefined,
    @Body() body: unknown,
  ): Promise<RegistrationResponse> {
    return this.management.update(await this.issuers.tenantOf(slug), clientId, authorization, body);
  }

  @Delete(':client')
  @HttpCode(204)
  @Header('cache-control', 'no-store')
  async remove(
    @Param('tenant') slug: string,
    @Param('client') clientId: string,
    @Headers('authorization') authorization: string | undefined,
    @Ip() address: string,
  ): Promise<void> {
    await this.management.remove(await this.issuers.tenantOf(slug), clientId, authorization, address);
  }
}

import { Controller, Get, Param, UseFilters } from '@nestjs/common';
import { Issuers } from '../discovery/issuer.ts';
import { PageError } from './page-error.ts';
import { PageFilter } from './page.filter.ts';

/** Where forms are posted, opened by hand or reloaded: what was there has been answered, or belongs to nobody. */
@Controller('t/:tenant')
@UseFilters(PageFilter)
export class AnsweredFormsController {
  constructor(private readonly issuers: Issuers) {}

  @Get(['login', 'consent', 'switch-account', 'sign-out'])
  async expired(@Param('tenant') slug: string): Promise<never> {
    await this.issuers.tenantOf(slug);
    throw new PageError('session_expired');
  }
}

import { Controller, Delete, Get, Options, Post, Req, Res, UseFilters, UseGuards } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AccessGuard } from '../access/access.guard.ts';
import type { AdmittedRequest } from '../access/access.guard.ts';
import { admitOrigin, answerPreflight } from '../access/cross-origin.ts';
import { RefusalFilter } from '../access/refusal.filter.ts';
import { McpOptions } from '../mcp-options.ts';
import { McpEndpoint } from './mcp-endpoint.ts';

const PATHS = ['t/:tenant/mcp', 't/:tenant/:resource/mcp'];

/** The Streamable HTTP endpoint of every hosted resource. Nothing but a preflight is answered without a token. */
@Controller()
@UseFilters(RefusalFilter)
export class McpController {
  constructor(
    private readonly options: McpOptions,
    private readonly endpoint: McpEndpoint,
  ) {}

  @Post(PATHS)
  @UseGuards(AccessGuard)
  async post(@Req() request: AdmittedRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.endpoint.serve(request, reply);
  }

  /** Answered 405 by the SDK: no era that is served here has sessions or a stream by GET. */
  @Get(PATHS)
  @UseGuards(AccessGuard)
  async get(@Req() request: AdmittedRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.endpoint.serve(request, reply);
  }

  @Delete(PATHS)
  @UseGuards(AccessGuard)
  async delete(@Req() request: AdmittedRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.endpoint.serve(request, reply);
  }

  @Options(PATHS)
  preflight(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    admitOrigin(this.options, request, reply);
    answerPreflight(reply, 'POST, GET, DELETE');
  }
}

import { DPOP_ALGORITHMS } from '@grantkeeper/guard';
import { protectedResourceMetadata } from '@grantkeeper/oauth';
import type { ProtectedResourceMetadata } from '@grantkeeper/oauth';
import { Controller, Get, Header, Options, Param, Res, UseFilters } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { answerPreflight } from '../access/cross-origin.ts';
import { HostedResources } from '../access/hosted-resources.ts';
import { notFound } from '../access/refusal.ts';
import { RefusalFilter } from '../access/refusal.filter.ts';

const ROOT = '.well-known/oauth-protected-resource';
const OF_DEFAULT = [`${ROOT}/t/:tenant/mcp`, `t/:tenant/mcp/${ROOT}`];
const OF_OTHERS = [`${ROOT}/t/:tenant/:resource/mcp`, `t/:tenant/:resource/mcp/${ROOT}`];

/** RFC 9728 metadata of hosted resources, in both forms that clients try (RS-03). Any page may read it. */
@Controller()
@UseFilters(RefusalFilter)
export class ProtectedResourceMetadataController {
  constructor(private readonly resources: HostedResources) {}

  @Get([...OF_DEFAULT, ...OF_OTHERS])
  @Header('Access-Control-Allow-Origin', '*')
  @Header('Cache-Control', 'public, max-age=60')
  async show(@Param() { tenant, resource }: { tenant: string; resource?: string }): Promise<ProtectedResourceMetadata> {
    const found = await this.resources.find(tenant, resource);
    if (found === undefined) throw notFound();
    return protectedResourceMetadata({
      resource: found.url,
      authorizationServers: [found.issuer],
      // Clients that read no challenge ask for all of these (RS-06), so what is marked risky is left to a step-up.
      scopes: found.scopes.filter((scope) => scope.default || !scope.risky).map(({ name }) => name),
      dpopAlgs: DPOP_ALGORITHMS,
      name: found.displayName,
    });
  }

  /** Many resources share this host, so the root form could only name the wrong one (MT-03). */
  @Get(ROOT)
  @Header('Access-Control-Allow-Origin', '*')
  root(): never {
    throw notFound();
  }

  /** SDK clients send `MCP-Protocol-Version` with discovery, which a browser asks about first (CL-05). */
  @Options([ROOT, ...OF_DEFAULT, ...OF_OTHERS])
  @Header('Access-Control-Allow-Origin', '*')
  preflight(@Res() reply: FastifyReply): void {
    answerPreflight(reply, 'GET');
  }
}

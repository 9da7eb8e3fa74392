import { type DynamicModule, Module } from '@nestjs/common';
import { OpenCalls } from '@grantkeeper/guard';
import { AccessControl } from './access/access-control.ts';
import { HostedResources } from './access/hosted-resources.ts';
import { HostedPoint } from './access/hosted-point.ts';
import { LedgerStandingCheck } from './access/ledger-standing-check.ts';
import { ProofsOfPossession } from './access/proofs-of-possession.ts';
import { ActivityRecorder } from './activity/activity-recorder.ts';
import { McpOptions } from './mcp-options.ts';
import { ProtectedResourceMetadataController } from './metadata/protected-resource-metadata.controller.ts';
import { BoardStore } from './tools/boards/board-store.ts';
import { ToolCatalogue } from './tools/tool-catalogue.ts';
import { McpController } from './transport/mcp.controller.ts';
import { McpEndpoint } from './transport/mcp-endpoint.ts';

/** The hosted MCP servers of every tenant. Expects the global providers of a platform. */
@Module({})
export class McpModule {
  static register(options: ConstructorParameters<typeof McpOptions>[0]): DynamicModule {
    return {
      module: McpModule,
      controllers: [ProtectedResourceMetadataController, McpController],
      providers: [
        { provide: McpOptions, useValue: new McpOptions(options) },
        LedgerStandingCheck,
        HostedPoint,
        { provide: OpenCalls, inject: [HostedPoint], useFactory: (point: HostedPoint) => point.calls },
        HostedResources,
        AccessControl,
        ProofsOfPossession,
        ActivityRecorder,
        BoardStore,
        ToolCatalogue,
        McpEndpoint,
      ],
    };
  }
}

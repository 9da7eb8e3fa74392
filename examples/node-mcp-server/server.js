import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler } from '@modelcontextprotocol/server';
import express from 'express';
import { createGuard } from '@grantkeeper/guard';
import { protect, resourceMetadata } from '@grantkeeper/guard/express';
import { ticketServer } from './tickets.js';

const { ISSUER: issuer, RESOURCE: resource, GRANTKEEPER_CREDENTIAL: credential } = process.env;
const guard = await createGuard({
  issuer,
  resource,
  credential,
  onTrouble: (trouble) => console.warn(`guard: ${trouble.message}`),
  onRecovery: ({ of, afterMs }) => console.warn(`guard: the ${of} is there again, after ${afterMs} ms`),
});
const mcp = toNodeHandler(createMcpHandler(({ authInfo }) => ticketServer(authInfo)));

const app = express();
app.use(resourceMetadata(guard));
app.use(express.json());
app.all('/mcp', protect(guard, { toolScopes: { add_ticket: ['tickets:write'] } }), (request, response) =>
  mcp(request, response, request.body),
);
const server = app.listen(Number(new URL(resource).port), () => console.log(`Paste ${resource} into your MCP client.`));

process.once('SIGTERM', async () => {
  server.close();
  server.closeAllConnections();
  await guard.close();
});

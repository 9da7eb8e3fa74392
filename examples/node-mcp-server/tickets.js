import { McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';

/** Tickets of each person, by the `sub` of their token: a token says who calls, never what the request claims. */
const tickets = new Map();

/** The MCP server as one caller sees it. */
export function ticketServer({ extra }) {
  const mine = () => tickets.get(extra.subject) ?? [];
  const said = (text) => ({ content: [{ type: 'text', text }] });
  const server = new McpServer({ name: 'tickets', version: '1.0.0' });
  server.registerTool('list_tickets', { description: 'Your tickets' }, () => said(JSON.stringify(mine())));
  server.registerTool(
    'add_ticket',
    { description: 'Adds a ticket for you', inputSchema: z.object({ title: z.string() }) },
    ({ title }) => {
      tickets.set(extra.subject, [...mine(), title]);
      return said(`Added: ${title}`);
    },
  );
  return server;
}

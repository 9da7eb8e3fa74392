import type { OwnFigure } from './support/figure.ts';

/** `list_boards` over the MCP endpoint, by as many people as there are clients, their tokens verified on each call. */
export const toolCalls: OwnFigure = {
  title: 'verified tool call',
  async prepare({ world, journey, clients }) {
    const people = await world.people(clients);
    const [clientId = ''] = await world.clients(1);
    const tokens = await Promise.all(people.map(async (person) => (await journey.link(person, clientId)).access));
    return (client) => journey.callTool(tokens[client] ?? '', 'list_boards');
  },
};

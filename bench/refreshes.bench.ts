import type { Figure } from './support/figure.ts';

/** Each client rotates a family of its own, always with the token that the last answer gave it. */
export const refreshes: Figure = {
  title: 'refresh',
  async prepare({ world, journey, clients }) {
    const people = await world.people(clients);
    const [clientId = ''] = await world.clients(1);
    const tokens = await Promise.all(people.map(async (person) => (await journey.link(person, clientId)).refresh));
    return async (client) => {
      tokens[client] = (await journey.refresh(clientId, tokens[client] ?? '')).refresh;
    };
  },
};

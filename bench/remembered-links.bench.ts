import type { Figure } from './support/figure.ts';

/** Another installation of a client that the person has linked before: authorize answers without a page. */
export const rememberedLinks: Figure = {
  title: 'link, consent remembered',
  async prepare({ world, journey, clients }) {
    const people = await world.people(clients);
    const [clientId = ''] = await world.clients(1);
    for (const person of people) await journey.link(person, clientId);
    return async (client) => {
      const person = people[client];
      if (person) await journey.linkAgain(person, clientId);
    };
  },
};

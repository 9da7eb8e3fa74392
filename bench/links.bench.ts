import type { Figure } from './support/figure.ts';

const CLIENTS = 50;

/** Authorize, consent, code, token by somebody who is signed in; never the same person and client twice. */
export const links: Figure = {
  title: 'full link with consent',
  async prepare({ world, journey, most }) {
    const clientIds = await world.clients(CLIENTS);
    const people = await world.people(Math.ceil(most(1_000) / CLIENTS));
    let next = 0;
    return async () => {
      const number = next;
      next += 1;
      const person = people[number % people.length];
      const clientId = clientIds[Math.floor(number / people.length)];
      if (!person || clientId === undefined) throw new Error('More links than were prepared for.');
      await journey.link(person, clientId);
    };
  },
};

import type { Figure } from './support/figure.ts';

/** Dynamic client registration. */
export const registrations: Figure = {
  title: 'client registration',
  async prepare({ world }) {
    return async () => {
      await world.register();
    };
  },
};

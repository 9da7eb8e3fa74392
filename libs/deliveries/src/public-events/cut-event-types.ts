import { z } from 'zod';
import type { PublicEventType } from './public-event-types.ts';

const cut = z.object({ cutId: z.uuid() });

/** What is told of cuts: acts on many links at once. */
export const cutEventTypes: readonly PublicEventType[] = [
  {
    type: 'cut.requested',
    of: ['CutRequested'],
    says: 'An admin wants many links ended or suspended; where `expiresAt` is given, another admin has to approve it by then.',
    data: z.object({ cutId: z.uuid(), act: z.string(), links: z.int(), expiresAt: z.string().nullable() }),
  },
  {
    type: 'cut.approved',
    of: ['CutApproved'],
    says: 'Another admin approved a cut: it is carried out.',
    data: cut,
  },
  {
    type: 'cut.refused',
    of: ['CutRefused'],
    says: 'A cut was refused or taken back.',
    data: cut,
  },
  {
    type: 'cut.finished',
    of: ['CutFinished'],
    says: 'A cut was carried out. Each of its links is told of as well.',
    data: z.object({ cutId: z.uuid(), done: z.int(), passedOver: z.int() }),
  },
  {
    type: 'cut.undone',
    of: ['CutUndone'],
    says: 'What a cut had suspended was resumed. Each of its links is told of as well.',
    data: z.object({ cutId: z.uuid(), resumed: z.int(), kept: z.int() }),
  },
];

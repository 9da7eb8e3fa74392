import { z } from 'zod';
import { clientSubject } from '../client/client-rule.events.ts';
import { defineEvent } from '../event.ts';

/** What a cut does with each link of its list: ends it, or suspends it until the cut is undone. */
export const cutAct = z.enum(['revoke', 'suspend']);
export type CutAct = z.infer<typeof cutAct>;

/** Which living links a cut is about: those of which all of this is true. The network is personal data, beside it. */
export const cutSelection = z.object({
  userId: z.uuid().optional(),
  clientId: z.string().optional(),
  resourceId: z.uuid().optional(),
  /** All that the client is known by, in the words of client rules: `software:…`, `publisher:…`, `host:…`. */
  subjects: z.array(clientSubject).min(1).max(10).optional(),
  /** Digest of the version of the client's metadata that was consented to. */
  metadataDigest: z.string().optional(),
  /** One of the scopes of the link. */
  scope: z.string().optional(),
  /** Neither used nor consented to nor resumed on this day or later. */
  unusedSince: z.iso.date().optional(),
  /** Consented to for the first time before this moment. */
  grantedBefore: z.iso.datetime().optional(),
});
export type CutSelection = z.infer<typeof cutSelection>;

export const cutRequested = defineEvent({
  type: 'CutRequested',
  version: 1,
  streamType: 'cut',
  payload: z.object({
    cutId: z.uuid(),
    act: cutAct,
    selection: cutSelection,
    /** How much the list holds that was frozen with the preview. */
    links: z.int().min(1),
    people: z.int(),
    clients: z.int(),
    resources: z.int(),
    /** SHA-256 of the ids of its links in order, hex: what was previewed and approved is what is carried out. */
    listDigest: z.string(),
    /** Until when somebody else can approve it; null where nobody has to. */
    expiresAt: z.iso.datetime().nullable(),
  }),
  privacy: {
    cutId: 'business',
    act: 'business',
    selection: 'pseudonym',
    links: 'business',
    people: 'business',
    clients: 'business',
    resources: 'business',
    listDigest: 'business',
    expiresAt: 'business',
  },
  personal: ['reason', 'network'],
  // Whoever decides to resume a link must know that a cut has begun that wants it suspended.
  wide: true,
  says: 'An admin wants every link of a list to be ended or suspended that a preview had shown.',
});

export const cutApproved = defineEvent({
  type: 'CutApproved',
  version: 1,
  streamType: 'cut',
  payload: z.object({ cutId: z.uuid() }),
  privacy: { cutId: 'business' },
  personal: ['reason'],
  wide: true,
  says: 'Somebody other than who had asked for a cut approved it: it is carried out.',
});

export const cutRefused = defineEvent({
  type: 'CutRefused',
  version: 1,
  streamType: 'cut',
  payload: z.object({ cutId: z.uuid() }),
  privacy: { cutId: 'business' },
  personal: ['reason'],
  says: 'A cut that waited for approval was refused, or taken back: nothing is ended.',
});

export const cutFinished = defineEvent({
  type: 'CutFinished',
  version: 1,
  streamType: 'cut',
  payload: z.object({
    cutId: z.uuid(),
    /** Links that it has ended or suspended. */
    done: z.int().min(0),
    /** Links that had ended by then, or were suspended already. */
    passedOver: z.int().min(0),
    /** The position of the last link that it has ended or suspended: whoever has obeyed that has obeyed all. */
    receiptSeq: z.int().nullable(),
  }),
  privacy: { cutId: 'business', done: 'business', passedOver: 'business', receiptSeq: 'business' },
  says: 'A cut was carried out: each link of its list is ended or suspended, or was before.',
});

export const cutUndoRequested = defineEvent({
  type: 'CutUndoRequested',
  version: 1,
  streamType: 'cut',
  payload: z.object({ cutId: z.uuid() }),
  privacy: { cutId: 'business' },
  personal: ['reason'],
  says: 'An admin wants what a cut has suspended to be resumed.',
});

export const cutUndone = defineEvent({
  type: 'CutUndone',
  version: 1,
  streamType: 'cut',
  payload: z.object({
    cutId: z.uuid(),
    resumed: z.int().min(0),
    /** Links that have ended since, were resumed by somebody else, or are wanted suspended by another cut. */
    kept: z.int().min(0),
  }),
  privacy: { cutId: 'business', resumed: 'business', kept: 'business' },
  says: 'What a cut had suspended, and nobody else has touched since, was resumed.',
});

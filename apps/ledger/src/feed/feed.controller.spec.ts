import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { FastifyReply } from 'fastify';
import type { FeedCallers } from './feed-callers.ts';
import { FeedController } from './feed.controller.ts';
import type { RevocationFeed } from './revocation-feed.ts';

it('begins no stream for a caller who goes while it is authenticated: nothing would ever end it', async () => {
  const raw = new ServerResponse(new IncomingMessage(new Socket()));
  const begun: string[] = [];
  const callers = {
    authenticate: async () => {
      raw.destroy();
      return { scope: 'tenant' };
    },
  };
  const feed = {
    follow: () => {
      begun.push('stream');
      throw new Error('A stream was begun.');
    },
  };
  const controller = new FeedController(callers as unknown as FeedCallers, feed as unknown as RevocationFeed);
  const reply = { raw, hijack: () => begun.push('hijacked') };
  await controller.stream('Bearer gkp_', '192.0.2.1', { after: '0' }, reply as unknown as FastifyReply);
  expect(begun).toEqual(['hijacked']);
});

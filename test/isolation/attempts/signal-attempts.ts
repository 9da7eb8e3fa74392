import { type Attempt, type Attempts, public200, type World } from './attempt.ts';

/** The Shared Signals transmitter of each tenant, with everything that a second tenant holds. */
export function signalAttempts(world: World): Attempts {
  const { product, mine, theirs } = world;
  const { authUrl } = product.summary;
  const id = mine.signals.streamId;

  /** Their credentials at my transmitter, and my stream at theirs. */
  const attempts = (path: string, body?: object, own = 404): Attempt[] => {
    const send = (what: string, issuer: string, answer: number, credential?: string): Attempt => ({
      what,
      url: `${issuer}/ssf${path}`,
      headers: {
        ...(credential !== undefined && { authorization: `Bearer ${credential}` }),
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
      answer,
    });
    return [
      send('no credential', mine.issuer, 401),
      send('their credential', mine.issuer, 401, theirs.signals.credential),
      send('their admin key', mine.issuer, 401, theirs.adminKey),
      send('their access token', mine.issuer, 401, theirs.tokens.access_token),
      send('my access token', mine.issuer, 401, mine.tokens.access_token),
      send('at their own, my credential', theirs.issuer, 401, mine.signals.credential),
      send('at their own, my stream', theirs.issuer, own, theirs.signals.credential),
    ];
  };
  const subject = { stream_id: id, subject: { format: 'email', email: mine.person.email } };

  return {
    'GET /.well-known/ssf-configuration/t/:tenant': public200(
      world,
      `${authUrl}/.well-known/ssf-configuration/t/${mine.slug}`,
    ),
    'GET /t/:tenant/.well-known/ssf-configuration': public200(world, `${mine.issuer}/.well-known/ssf-configuration`),
    'POST /t/:tenant/ssf/streams': attempts('/streams', { stream_id: id, description: 'theirs' }, 201),
    'GET /t/:tenant/ssf/streams': attempts(`/streams?stream_id=${id}`),
    'PATCH /t/:tenant/ssf/streams': attempts('/streams', { stream_id: id, description: 'theirs now' }),
    'PUT /t/:tenant/ssf/streams': attempts('/streams', { stream_id: id }),
    'DELETE /t/:tenant/ssf/streams': attempts(`/streams?stream_id=${id}`),
    'GET /t/:tenant/ssf/status': attempts(`/status?stream_id=${id}`),
    'POST /t/:tenant/ssf/status': attempts('/status', { stream_id: id, status: 'disabled' }),
    'POST /t/:tenant/ssf/subjects/add': attempts('/subjects/add', subject),
    'POST /t/:tenant/ssf/subjects/remove': attempts('/subjects/remove', subject),
    'POST /t/:tenant/ssf/verification': attempts('/verification', { stream_id: id }),
    'POST /t/:tenant/ssf/poll/:stream': attempts(`/poll/${id}`, { returnImmediately: true }),
  };
}

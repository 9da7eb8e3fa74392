import { z } from 'zod';

/** Why access ended, as a closed list; the free-text reason of a person is personal data beside it. */
export const because = z.enum([
  'admin', // an admin revoked it
  'user', // the person revoked it
  'client', // the client revoked its token (RFC 7009)
  'code_replayed', // an authorization code came a second time with its verifier (AS-23)
  'admin_consent_withdrawn', // it rested on an admin's consent for everyone, which was withdrawn
  'idle', // nobody had used the link for as long as the policy says (OA-58, CLD-10)
  'refresh_token_reused', // a rotated refresh token came again outside its grace (AS-31)
]);
export type Because = z.infer<typeof because>;

import type { ClientDisplay } from '@grantkeeper/oauth';
import type { ClientView } from './views.ts';

/**
 * A client as pages name it. A name that nobody has checked is marked as such, wherever it is shown (OAuth 2.1 §7.9),
 * unless the host that publishes it stands beside it.
 */
export function clientView({ name, nameVerified, verifiedHost }: ClientDisplay): ClientView {
  return {
    name,
    verifiedHost: verifiedHost ?? undefined,
    nameIsUnverified: !nameVerified && verifiedHost === null,
  };
}

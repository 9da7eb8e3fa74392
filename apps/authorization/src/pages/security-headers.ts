export interface PageSecurity {
  /**
   * Where the answer to this page's form may lead, as redirect URIs, origins or schemes (`com.example.app:`). Chrome
   * applies `form-action` to every redirect that follows a submission, and so also to redirects the client makes after
   * ours: `anywhere` leaves the directive out.
   */
  readonly formTargets: readonly string[] | 'anywhere';
}

/** The headers of every page: no script, no framing, no caching, nothing loaded but our own stylesheet (AS-46). */
export function securityHeaders({ formTargets }: PageSecurity): Readonly<Record<string, string>> {
  const directives = [
    "default-src 'none'",
    "style-src 'self'",
    "img-src 'self'",
    ...(formTargets === 'anywhere'
      ? []
      : [`form-action ${[...new Set(["'self'", ...formTargets.map(sourceOf)])].join(' ')}`]),
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ];
  return {
    'Content-Security-Policy': directives.join('; '),
    'X-Frame-Options': 'DENY',
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-store',
    // Web clients open these pages in a popup and wait for a message from their callback in it: any other value cuts
    // the popup off from its opener for good, and the link never completes.
    'Cross-Origin-Opener-Policy': 'unsafe-none',
    'Permissions-Policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
  };
}

/** The CSP source expression that covers `target`; throws `TypeError` for what cannot be one. */
function sourceOf(target: string): string {
  const { protocol, origin, hostname } = new URL(target);
  // URL parsers let `;` and `,` pass in a host: in this header they would begin another directive or policy.
  if (!/^[\w.:[\]-]*$/.test(hostname)) throw new TypeError('A form target has a host that no policy can name.');
  if (protocol !== 'https:' && protocol !== 'http:') return protocol;
  // The grammar of CSP host sources has no IPv6 addresses; browsers ignore them.
  return hostname.startsWith('[') ? protocol : origin;
}

/** The value of cookie `name` in a Cookie header, or undefined; of several with one name none counts. */
export function readCookie(header: string | undefined, name: string): string | undefined {
  const found = (header ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`));
  return found.length === 1 ? found[0]!.slice(name.length + 1) : undefined;
}

/**
 * A Set-Cookie value that scripts cannot read and other sites' posts do not carry. On https the name gets the `__Host-`
 * prefix (AS-51), which ties the cookie to this very host.
 */
export function hostCookie(
  origin: string,
  name: string,
): {
  name: string;
  set(value: string, maxAgeSeconds: number): string;
  clear(): string;
} {
  const secure = origin.startsWith('https:');
  const fullName = secure ? `__Host-${name}` : name;
  const attributes = `Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;
  return {
    name: fullName,
    set: (value, maxAgeSeconds) => `${fullName}=${value}; Max-Age=${maxAgeSeconds}; ${attributes}`,
    clear: () => `${fullName}=; Max-Age=0; ${attributes}`,
  };
}

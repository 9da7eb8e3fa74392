import { bearerChallenge, resourceMetadataUrl } from './bearer-challenge.ts';

const resource = 'https://mcp.example.com/t/acme/mcp';
const metadata = 'https://mcp.example.com/.well-known/oauth-protected-resource/t/acme/mcp';

describe('bearerChallenge', () => {
  it('names no error when there were no credentials (RS-13)', () => {
    expect(bearerChallenge({ resource, scopes: ['a', 'b:c'] })).toBe(
      `Bearer scope="a b:c", resource_metadata="${metadata}"`,
    );
  });

  it('tells error, description and every scope, each once', () => {
    expect(
      bearerChallenge({ resource, error: 'insufficient_scope', description: 'More is needed.', scopes: ['a'] }),
    ).toBe(
      `Bearer error="insufficient_scope", error_description="More is needed.", scope="a", resource_metadata="${metadata}"`,
    );
  });

  it('stays one line of allowed characters whatever it is given (RS-14)', () => {
    expect(bearerChallenge({ resource, error: 'invalid_token', description: 'a "b" \\ é\r\nX: y' })).toBe(
      `Bearer error="invalid_token", error_description="a 'b' ? ???X: y", resource_metadata="${metadata}"`,
    );
  });
});

describe('resourceMetadataUrl', () => {
  it('inserts the well-known part before the path (RFC 9728 §3.1)', () => {
    expect(resourceMetadataUrl(resource)).toBe(metadata);
    expect(resourceMetadataUrl('https://mcp.example.com/')).toBe(
      'https://mcp.example.com/.well-known/oauth-protected-resource',
    );
    expect(resourceMetadataUrl('https://mcp.example.com/a?b=c')).toBe(
      'https://mcp.example.com/.well-known/oauth-protected-resource/a?b=c',
    );
  });
});

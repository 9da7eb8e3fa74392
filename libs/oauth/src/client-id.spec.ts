import { describe, expect, it } from '@jest/globals';
import { checkMetadataDocumentUrl, classifyClientId } from './client-id.ts';

describe('classifyClientId', () => {
  it.each([
    ['https://chatgpt.com/oauth/client.json', 'metadata_document'],
    ['https://', 'metadata_document'],
    ['http://localhost/client.json', 'opaque'],
    ['c_0198f0aa', 'opaque'],
    ['', 'opaque'],
  ])('%j is %s', (id, kind) => expect(classifyClientId(id)).toBe(kind));
});

describe('checkMetadataDocumentUrl', () => {
  it.each([
    'https://chatgpt.com/oauth/client.json',
    'https://claude.ai/oauth/mcp-oauth-client-metadata',
    'https://vscode.dev/oauth/client-metadata.json',
    'https://client.example:8443/id',
    'https://client.example/id?v=1',
    'https://client.example/',
  ])('accepts %s', (id) => expect(() => checkMetadataDocumentUrl(id)).not.toThrow());

  it.each([
    ['http://client.example/id', /not an https URL/],
    ['https://client.example', /must have a path/],
    ['https://client.example?x', /must have a path/],
    ['https://client.example/id#', /fragment/],
    ['https://user@client.example/id', /not an https URL/],
    ['https://client.example/a/../id', /dot segments/],
    ['https://client.example/./id', /dot segments/],
    ['https://client.example/a/%2e%2E/id', /dot segments/],
    ['https://client.example/a/..', /dot segments/],
    ['https://client.example\\id', /not an https URL/],
    ['https:/client.example/id', /not an https URL/],
    ['https://0177.0.0.1/id', /not an https URL/],
    ['https:///id', /not an https URL/],
    ['c_123', /not an https URL/],
  ])('refuses %s', (id, reason) => {
    expect(() => checkMetadataDocumentUrl(id)).toThrow(
      expect.objectContaining({ code: 'invalid_client', description: expect.stringMatching(reason) }),
    );
  });
});

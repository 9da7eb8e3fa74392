import { describe, expect, it } from '@jest/globals';
import { clientSubjects } from './client-subjects.ts';

describe('what rules may name a client by', () => {
  it('is its id, every host that it sends people to, and the software_id that it claims', () => {
    const redirect_uris = ['https://b.example/cb', 'https://a.example:8443/x', 'https://b.example/other'];
    expect(clientSubjects('gkd_1', { redirect_uris, software_id: 'x y' })).toEqual([
      'client:gkd_1',
      'host:a.example:8443',
      'host:b.example',
      'software:x y',
    ]);
  });

  it('is the publisher of a metadata document, too, and loopback hosts without their ports', () => {
    const redirect_uris = ['http://127.0.0.1:1234/cb', 'http://[::1]/cb', 'com.example.app:/cb'];
    expect(clientSubjects('https://chatgpt.com/oauth/client.json', { redirect_uris })).toEqual([
      'client:https://chatgpt.com/oauth/client.json',
      'host:127.0.0.1',
      'host:[::1]',
      'host:com.example.app',
      'publisher:chatgpt.com',
    ]);
  });
});

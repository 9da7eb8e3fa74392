import { OutboundError } from './outbound-error.ts';
import { readTarget } from './target.ts';

function refusal(url: string, allowHttp = false): string {
  try {
    readTarget(url, allowHttp);
  } catch (error) {
    if (error instanceof OutboundError) return error.reason;
    throw error;
  }
  return 'accepted';
}

describe('readTarget', () => {
  test.each([
    ['https://2130706433/', '127.0.0.1'],
    ['https://0177.0.0.1/', '127.0.0.1'],
    ['https://0x7f.0.0.1/', '127.0.0.1'],
    ['https://0x7f000001/', '127.0.0.1'],
    ['https://127.1/', '127.0.0.1'],
    ['https://１２７.0.0.1/', '127.0.0.1'],
    ['https://[::ffff:127.0.0.1]/', '::ffff:7f00:1'],
    ['https://[0:0:0:0:0:0:0:1]/', '::1'],
  ])('reads %s as the address %s', (url, host) => {
    expect(readTarget(url, false)).toMatchObject({ host, isAddress: true });
  });

  test('keeps a name as a name', () => {
    expect(readTarget('https://client.example/metadata?v=1', false)).toMatchObject({
      host: 'client.example',
      isAddress: false,
    });
  });

  test.each([
    ['not a url', 'invalid_url'],
    ['/relative', 'invalid_url'],
    ['https://[fe80::1%25eth0]/', 'invalid_url'],
    ['https://300.1.1.1/', 'invalid_url'],
    ['http://client.example/', 'scheme_refused'],
    ['ftp://client.example/', 'scheme_refused'],
    ['file:///etc/passwd', 'scheme_refused'],
    ['gopher://client.example/', 'scheme_refused'],
    ['https://user@client.example/', 'credentials_in_url'],
    ['https://user:secret@client.example/', 'credentials_in_url'],
    ['https://:secret@client.example/', 'credentials_in_url'],
    ['https://client.example:22/', 'port_refused'],
    ['https://client.example:80/', 'port_refused'],
    ['https://client.example:25/', 'port_refused'],
    ['https://client.example:0/', 'port_refused'],
    ['https://client.example:6667/', 'port_refused'],
  ])('refuses %s', (url, reason) => {
    expect(refusal(url)).toBe(reason);
  });

  test.each(['https://client.example/', 'https://client.example:443/', 'https://client.example:8443/'])(
    'accepts %s',
    (url) => {
      expect(refusal(url)).toBe('accepted');
    },
  );

  test('lets http through to the address check only where loopback is allowed', () => {
    expect(refusal('http://127.0.0.1:8080/', true)).toBe('accepted');
    expect(refusal('http://127.0.0.1:8080/', false)).toBe('scheme_refused');
  });
});

import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import forge from 'node-forge';

/** What a path answers: JSON with 200, or whatever a function does. */
export type Answering = object | ((request: IncomingMessage, response: ServerResponse) => void);

/** A web server of a client's publisher: https on loopback under a certificate authority of its own. */
export class DocumentServer {
  readonly #answers = new Map<string, Answering>();
  readonly requests: { readonly path: string; readonly headers: IncomingMessage['headers'] }[] = [];

  private constructor(
    private readonly server: Server,
    /** PEM of the authority, for NODE_EXTRA_CA_CERTS. */
    readonly authority: string,
  ) {}

  static async start(): Promise<DocumentServer> {
    const { authority, certificate, key } = makeCertificates();
    const holder: { started?: DocumentServer } = {};
    const server = createServer({ cert: certificate, key }, (request, response) => {
      holder.started?.answer(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    holder.started = new DocumentServer(server, authority);
    return holder.started;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get origin(): string {
    return `https://localhost:${this.port}`;
  }

  /** Answers `path` from now on; the URL of it. */
  put(path: string, answer: Answering): string {
    this.#answers.set(path, answer);
    return `${this.origin}${path}`;
  }

  /** A metadata document at `path` whose client_id is its URL. */
  putClient(path: string, metadata: object = {}, headers: Record<string, string> = {}): string {
    const url = `${this.origin}${path}`;
    const document = { client_id: url, client_name: 'Example', redirect_uris: [`${this.origin}/cb`], ...metadata };
    return this.put(path, (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', ...headers });
      response.end(JSON.stringify(document));
    });
  }

  remove(path: string): void {
    this.#answers.delete(path);
  }

  /** How often `path` was asked for. */
  count(path: string): number {
    return this.requests.filter((request) => request.path === path).length;
  }

  answer(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? '';
    this.requests.push({ path, headers: request.headers });
    const answer = this.#answers.get(path);
    if (typeof answer === 'function') answer(request, response);
    else if (answer) response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    else response.writeHead(404).end();
  }

  /** Lets this process trust the authority; answers what undoes it. */
  trusted(): () => void {
    const before = getCACertificates('default');
    setDefaultCACertificates([...before, this.authority]);
    return () => setDefaultCACertificates(before);
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

function makeCertificates(): { authority: string; certificate: string; key: string } {
  const signer = forge.pki.rsa.generateKeyPair(2048);
  const name = [{ name: 'commonName', value: 'Grantkeeper test authority' }];
  const authority = issue(signer.publicKey, signer.privateKey, name, name, [
    { name: 'basicConstraints', cA: true },
    { name: 'keyUsage', keyCertSign: true },
  ]);
  const server = forge.pki.rsa.generateKeyPair(2048);
  const certificate = issue(server.publicKey, signer.privateKey, [{ name: 'commonName', value: 'localhost' }], name, [
    { name: 'basicConstraints', cA: false },
    { name: 'extKeyUsage', serverAuth: true },
    {
      name: 'subjectAltName',
      altNames: [
        { type: 2, value: 'localhost' },
        { type: 2, value: 'rebinding.example' },
        { type: 7, ip: '127.0.0.1' },
      ],
    },
  ]);
  return { authority, certificate, key: forge.pki.privateKeyToPem(server.privateKey) };
}

function issue(
  publicKey: forge.pki.rsa.PublicKey,
  signer: forge.pki.rsa.PrivateKey,
  subject: forge.pki.CertificateField[],
  issuer: forge.pki.CertificateField[],
  extensions: object[],
): string {
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = publicKey;
  certificate.serialNumber = `01${forge.util.bytesToHex(forge.random.getBytesSync(8))}`;
  certificate.validity.notBefore = new Date(Date.now() - 3_600_000);
  certificate.validity.notAfter = new Date(Date.now() + 86_400_000);
  certificate.setSubject(subject);
  certificate.setIssuer(issuer);
  certificate.setExtensions(extensions);
  certificate.sign(signer, forge.md.sha256.create());
  return forge.pki.certificateToPem(certificate);
}

import { type Because, eventCatalogue, type ReuseEvidence, UnknownEvent, upcast } from '@grantkeeper/domain';

/** What of an event is put into words: nothing personal is read. */
export interface DescribableEvent {
  readonly type: string;
  readonly actor: unknown;
  readonly payload: unknown;
}

/**
 * One plain English sentence that says what happened, for admins. It is made of the event alone, so it never changes,
 * and of nothing personal: people are "the person", reasons stay sealed beside it. A type that has no words of its own
 * is told by its entry in the catalogue.
 */
export function describeEvent(event: DescribableEvent): string {
  const words = Object.hasOwn(sentences, event.type) ? sentences[event.type] : undefined;
  if (words) return words(facts(event.payload), kindOf(event.actor));
  return (
    eventCatalogue.find(({ type }) => type === event.type)?.says ??
    `Something happened that this version has no words for (${event.type}).`
  );
}

/**
 * A recorded event of any version, in words and with its payload in the newest shape. One that this version does not know
 * says so, and is shown as it is.
 */
export function tellRecorded({
  type,
  schemaVersion,
  actor,
  payload,
}: DescribableEvent & { readonly schemaVersion: number }): {
  readonly words: string;
  readonly payload: unknown;
} {
  try {
    const newest = upcast(type, schemaVersion, payload);
    return { words: describeEvent({ type, actor, payload: newest }), payload: newest };
  } catch (error) {
    if (error instanceof UnknownEvent) return { words: `(${error.message})`, payload };
    throw error;
  }
}

interface Facts {
  readonly because?: Because;
  readonly evidence?: ReuseEvidence;
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly kind?: string;
  readonly verified?: boolean;
  readonly by?: string;
  readonly name?: string;
  readonly slug?: string;
  readonly displayName?: string;
  readonly url?: string;
  readonly whenUnreachable?: string;
  readonly alg?: string;
  readonly state?: string;
  readonly role?: string;
  readonly userId?: string;
  readonly clientId?: string;
  readonly resourceId?: string;
  readonly adminConsentId?: string;
  readonly metadata?: { readonly client_name?: unknown };
  readonly scopes?: readonly (string | { readonly name: string })[] | null;
  readonly added?: readonly string[];
  readonly subject?: string;
  readonly effect?: string;
  readonly before?: { readonly seq: number };
  readonly maxUses?: number | null;
  readonly overlapSeconds?: number;
  readonly act?: string;
  readonly links?: number;
  readonly done?: number;
  readonly passedOver?: number;
  readonly resumed?: number;
  readonly kept?: number;
  readonly expiresAt?: string | null;
  readonly shown?: { readonly clientName: string; readonly nameVerified: boolean; readonly redirectHost: string };
}

const sentences: Readonly<Record<string, (payload: Facts, actor: string) => string>> = {
  TenantOnboarded: ({ displayName }) => `${displayName} was given its own authorization server and ledger.`,
  TenantAdmitted: ({ displayName, slug }) => `An operator made the tenant ${displayName} (${slug}).`,
  TenantAccessRevoked: (payload, actor) => `${ender(payload, actor)} ended every link of the tenant${cause(payload)}.`,
  IssuerEstablished: ({ url }) => `The issuer ${url} was established.`,
  ResourceAdded: ({ displayName, url }) => `The MCP server ${displayName} (${url}) was added.`,
  ResourceAccessRevoked: (payload, actor) =>
    `${ender(payload, actor)} ended every link to the MCP server${cause(payload)}.`,
  PolicySet: (_payload, actor) => `${acting(actor)} set the tenant’s policy.`,
  ClientTokenPolicySet: ({ clientId, settings = {} }, actor) =>
    Object.keys(settings).length === 0
      ? `${acting(actor)} gave the tokens of ${clientId} the tenant’s policy.`
      : `${acting(actor)} set a token policy for ${clientId} alone (${Object.keys(settings).join(', ')}).`,
  SigningKeyRevoked: (payload, actor) =>
    `${ender(payload, actor)} revoked a signing key: nothing that it has signed is accepted any more.`,
  PairAccessRevoked: (payload, actor) =>
    `${ender(payload, actor)} ended every link ${between(payload)}${cause(payload)}.`,
  CutRequested: ({ act, links, expiresAt }, actor) =>
    `${acting(actor)} asked to ${act === 'suspend' ? 'suspend' : 'end'} ${counted(links)} of a preview${expiresAt ? '; another admin has to approve it' : ''}.`,
  CutApproved: (_payload, actor) => `${acting(actor)} approved a cut: it is carried out.`,
  CutRefused: (_payload, actor) => `${acting(actor)} refused a cut, or took it back.`,
  CutFinished: ({ done, passedOver }) =>
    `A cut was carried out on ${counted(done)}${passedOver ? `; ${counted(passedOver)} had ended or been suspended before` : ''}.`,
  CutUndoRequested: (_payload, actor) => `${acting(actor)} asked for what a cut has suspended to be resumed.`,
  CutUndone: ({ resumed, kept }) =>
    `A cut was undone: ${counted(resumed)} resumed${kept ? `, ${counted(kept)} left as somebody else had made them` : ''}.`,
  SigningKeyCreated: ({ alg, state }) =>
    state === 'pending' ? `The next signing key (${alg}) was made and published.` : `A signing key (${alg}) was made.`,
  SigningKeyActivated: () => 'The issuer signs with its next key.',
  SigningKeySuperseded: () => 'A signing key gave way to the next; what it has signed stays valid until it expires.',
  SigningKeyRetired: () => 'A signing key is published no more: all that it has signed has expired.',
  UserCreated: ({ role }) => `A person became known, as ${role === 'admin' ? 'an admin' : 'a member'} of the tenant.`,
  UserEmailVerificationSet: ({ verified }, actor) =>
    `${acting(actor)} said that the person’s e-mail address is ${verified ? 'verified' : 'not verified'}.`,
  IdentityLinked: ({ kind }) => `A way to sign in (${kind}) was linked to the person.`,
  UserSignedOut: (_payload, actor) => `${acting(actor)} ended every session of the person.`,
  UserAccessRevoked: (payload, actor) =>
    `${ender(payload, actor)} ended every link and session of ${payload.because === 'user' ? 'their own' : 'the person'}${cause(payload)}.`,
  ClientAdmitted: ({ clientId, kind, metadata, by }) =>
    `${admitted(clientId, kind, metadata?.client_name)} became known to the tenant, because ${by === 'admin' ? 'an admin admitted it' : 'someone consented to it'}.`,
  ClientApproved: (_payload, actor) => `${acting(actor)} approved the client.`,
  ClientChanged: ({ by }, actor) =>
    by === 'policy'
      ? 'Another version of the client was taken as it came, as the policy says.'
      : by === 'admin'
        ? actor === 'user'
          ? 'An admin had consented for everyone to the version of the client that holds from now on.'
          : `${acting(actor)} set another version of the client’s metadata.`
        : 'Someone consented to another version of the client.',
  ClientHeld: ({ subject }) => `The client is held, because ${subject} is blocked.`,
  ClientSecretRotated: ({ overlapSeconds }, actor) =>
    `${acting(actor)} gave the client another secret${overlapSeconds ? `; the one before works ${overlapSeconds} s longer` : ''}.`,
  ClientRemoved: (_payload, actor) => `${acting(actor)} removed the client.`,
  ClientRuleSet: ({ subject, effect, scopes }, actor) =>
    effect === 'block'
      ? `${acting(actor)} blocked every client of ${subject}, and its links.`
      : `${acting(actor)} allowed every client of ${subject}${scopes ? `, at most for ${listed(scopes)}` : ''}.`,
  ClientRuleRemoved: ({ subject }, actor) => `${acting(actor)} took the rule about ${subject} away.`,
  ClientAccessRevoked: (payload, actor) => `${ender(payload, actor)} ended every link of the client${cause(payload)}.`,
  GrantCreated: ({ shown, scopes, adminConsentId }) =>
    adminConsentId
      ? `${sentence(named(shown))} (${shown?.redirectHost}) was linked to use ${listed(scopes)}, as an admin had allowed for everyone.`
      : `The person allowed ${named(shown)} (${shown?.redirectHost}) to use ${listed(scopes)}.`,
  ClientGrantCreated: ({ clientId, scopes }, actor) =>
    `${acting(actor)} allowed ${clientId} to act for itself and use ${listed(scopes)}.`,
  GrantWidened: ({ shown, added, adminConsentId }) =>
    adminConsentId
      ? `${sentence(named(shown))} may use ${listed(added)} as well, as an admin had allowed for everyone.`
      : `The person allowed ${named(shown)} to use ${listed(added)} as well.`,
  GrantRenewed: ({ shown, adminConsentId }) =>
    adminConsentId
      ? `${sentence(named(shown))} was linked again under what an admin had allowed for everyone.`
      : `The person confirmed what ${named(shown)} may use; nothing was added.`,
  GrantRevoked: (payload, actor) => `${ender(payload, actor)} ended the link${cause(payload)}.`,
  FamilyRevoked: (payload, actor) => `${ender(payload, actor)} ended one installation of the link${cause(payload)}.`,
  TokenRevoked: (payload, actor) => `${ender(payload, actor)} ended one access token of the link${cause(payload)}.`,
  GrantSuspended: (_payload, actor) => `${acting(actor)} suspended the link.`,
  GrantResumed: (_payload, actor) => `${acting(actor)} resumed the link.`,
  UserSuspended: (_payload, actor) => `${acting(actor)} suspended the person, with every link of theirs.`,
  UserResumed: (_payload, actor) =>
    `${acting(actor)} resumed the person, with the links of theirs that have not ended.`,
  ClientSuspended: (_payload, actor) => `${acting(actor)} suspended the client, with every link of it.`,
  ClientResumed: (_payload, actor) => `${acting(actor)} resumed the client, with the links of it that have not ended.`,
  ResourceSuspended: (_payload, actor) => `${acting(actor)} suspended every link to the MCP server.`,
  ResourceResumed: (_payload, actor) => `${acting(actor)} resumed the links to the MCP server that have not ended.`,
  EpochBegun: ({ before }) =>
    `The database was restored to event ${before?.seq}: every credential from before is dead, and people link anew.`,
  TenantSuspended: (_payload, actor) => `${acting(actor)} suspended every link of the tenant.`,
  TenantResumed: (_payload, actor) => `${acting(actor)} resumed the links of the tenant that have not ended.`,
  AdminConsentGiven: ({ clientId, scopes }, actor) =>
    `${acting(actor)} consented for everyone: ${clientId} may use ${listed(scopes)} of whoever links it.`,
  AdminConsentWithdrawn: ({ clientId }, actor) =>
    `${acting(actor)} withdrew what had been consented to for everyone: people are asked again about ${clientId}.`,
  ResourceFailurePolicySet: ({ whenUnreachable }) =>
    whenUnreachable === 'refuse'
      ? 'An MCP server refuses tokens while nobody can tell it whether they still stand.'
      : 'An MCP server trusts tokens until they expire while nobody can tell it whether they still stand.',
  EnforcementPointRegistered: ({ name }) => `The enforcement point "${name}" was registered.`,
  AdminKeyCreated: ({ name }) => `The key "${name}" to the admin API was made.`,
  AdminKeyRevoked: (_payload, actor) => `${acting(actor)} ended a key to the admin API.`,
  InitialAccessTokenIssued: ({ name, maxUses }) =>
    `The token "${name}" was made, which registers ${maxUses === 1 ? 'one client' : maxUses ? `up to ${maxUses} clients` : 'clients'}.`,
  InitialAccessTokenRevoked: (_payload, actor) => `${acting(actor)} ended an initial access token.`,
};

function facts(payload: unknown): Facts {
  return typeof payload === 'object' && payload !== null ? payload : {};
}

function kindOf(actor: unknown): string {
  const kind: unknown = (actor as { kind?: unknown } | null)?.kind;
  return typeof kind === 'string' ? kind : '';
}

/** A client as the person was shown it: a name that nobody had checked is told as one that it gives itself. */
function named(shown: Facts['shown']): string {
  return shown?.nameVerified === true ? shown.clientName : `an app that calls itself ${shown?.clientName}`;
}

/** The same of a client that became known: an admin has named what they have registered. */
function admitted(clientId: string | undefined, kind: string | undefined, name: unknown): string {
  if (typeof name !== 'string' || name === '') return String(clientId);
  if (kind === 'registered') return name;
  return `An app that calls itself ${name}${kind === 'cimd' ? `, published at ${clientId},` : ''}`;
}

function sentence(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Who acted, as the subject of a sentence. */
function acting(kind: string): string {
  switch (kind) {
    case 'operator':
      return 'An operator';
    case 'admin':
      return 'An admin';
    case 'user':
      return 'The person';
    case 'client':
      return 'The client';
    default:
      return 'Grantkeeper';
  }
}

/** Who ended access: the cause says it better than the actor, who may have acted for another. */
function ender({ because }: Facts, actor: string): string {
  switch (because) {
    case 'admin':
      return actor === 'operator' ? 'An operator' : 'An admin';
    case 'user':
      return 'The person';
    case 'client':
      return 'The client';
    case 'idle':
    case 'code_replayed':
    case 'refresh_token_reused':
      return 'Grantkeeper';
    default:
      return acting(actor);
  }
}

function cause({ because, evidence }: Facts): string {
  if (because === 'code_replayed') return ', because its authorization code came a second time';
  if (because === 'refresh_token_reused')
    return `, because a refresh token came again ${evidence ? reuse[evidence.how] : 'after it had been replaced'}`;
  if (because === 'idle') return ', because nobody had used it for as long as the policy says';
  if (because === 'admin_consent_withdrawn')
    return ', because the consent for everyone that it rested on was withdrawn';
  return '';
}

function counted(links = 0): string {
  return links === 1 ? 'one link' : `${links} links`;
}

/** Whom a pair names. */
function between({ userId, clientId, resourceId }: Facts): string {
  if (userId === undefined) return `of ${clientId} to the MCP server`;
  if (clientId === undefined) return 'of the person to the MCP server';
  return resourceId === undefined
    ? `of the person with ${clientId}`
    : `of the person with ${clientId} to the MCP server`;
}

const reuse: Readonly<Record<ReuseEvidence['how'], string>> = {
  superseded: 'after its successor had been used: somebody else may hold a copy',
  late: 'long after it had been replaced',
  too_often: 'more often than lost answers explain',
  other_software: 'from other software',
};

function listed(scopes: Facts['scopes']): string {
  const names = (scopes ?? []).map((scope) => (typeof scope === 'string' ? scope : scope.name));
  if (names.length < 2) return names[0] ?? 'nothing';
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

import { z } from 'zod';

/** Whom or what an event is about: what is named, is meant; what is not, is any. */
export interface SubjectMembers {
  /** The `sub` of a person. */
  readonly user?: string | undefined;
  /** A client id. */
  readonly application?: string | undefined;
  /** The URL of a protected MCP server. */
  readonly resource?: string | undefined;
}

/** The subject in the words of RFC 9493: a person alone is `iss_sub`, all else is complex and names the tenant. */
export function subjectIdentifier(issuer: string, tenant: string, members: SubjectMembers): Record<string, unknown> {
  const { user, application, resource } = members;
  const person = user === undefined ? undefined : { format: 'iss_sub', iss: issuer, sub: user };
  if (person && application === undefined && resource === undefined) return person;
  return {
    format: 'complex',
    tenant: { format: 'opaque', id: tenant },
    ...(person && { user: person }),
    ...(application !== undefined && { application: { format: 'opaque', id: application } }),
    ...(resource !== undefined && { resource: { format: 'uri', uri: resource } }),
  };
}

const issSub = z.object({ format: z.literal('iss_sub'), iss: z.string(), sub: z.string() });
const email = z.object({ format: z.literal('email'), email: z.string().max(320) });
const opaque = z.object({ format: z.literal('opaque'), id: z.string().max(2_060) });
const uri = z.object({ format: z.literal('uri'), uri: z.string().max(2_060) });
const person = z.discriminatedUnion('format', [issSub, email]);
const complex = z.object({
  format: z.literal('complex'),
  user: person.optional(),
  application: opaque.optional(),
  resource: uri.optional(),
  tenant: opaque.optional(),
});

/** Subjects that receivers may name (RFC 9493, SSF §3). Other members of a complex subject are not known here. */
export const namedSubject = z.discriminatedUnion('format', [issSub, email, complex]);
export type NamedSubject = z.infer<typeof namedSubject>;

/**
 * How a receiver's words for a person become a `sub` of the tenant; undefined for what cannot name one. Nobody is to be
 * answered like somebody: a made-up `sub`, the same for the same words.
 */
export type FindPerson = (named: z.infer<typeof person>) => Promise<string | undefined>;

/** The members that a subject names; undefined when it cannot be of this tenant, or names nothing at all. */
export async function membersOf(
  subject: NamedSubject,
  tenant: string,
  findPerson: FindPerson,
): Promise<SubjectMembers | undefined> {
  if (subject.format !== 'complex') {
    const user = await findPerson(subject);
    return user === undefined ? undefined : { user };
  }
  if (subject.tenant && subject.tenant.id !== tenant) return undefined;
  const user = subject.user && (await findPerson(subject.user));
  if (subject.user && user === undefined) return undefined;
  const members = {
    ...(user !== undefined && { user }),
    ...(subject.application && { application: subject.application.id }),
    ...(subject.resource && { resource: subject.resource.uri }),
  };
  return Object.keys(members).length === 0 ? undefined : members;
}

/**
 * Whether an event is about what a receiver does not want to hear of: everything that was named is the same in both. An
 * event that leaves a member open is wider than what was removed, and is sent.
 */
export function isRemoved(event: SubjectMembers, removed: SubjectMembers): boolean {
  return (['user', 'application', 'resource'] as const).every(
    (member) => removed[member] === undefined || removed[member] === event[member],
  );
}

/** All that a receiver can have removed so that it does not hear of an event: seven subjects at most. */
export function removalsOf({ user, application, resource }: SubjectMembers): SubjectMembers[] {
  const named = Object.entries({ user, application, resource }).filter(([, value]) => value !== undefined);
  return named.reduce<SubjectMembers[]>(
    (subjects, [member, value]) => [
      ...subjects,
      ...[{}, ...subjects].map((subject) => ({ ...subject, [member]: value })),
    ],
    [],
  );
}

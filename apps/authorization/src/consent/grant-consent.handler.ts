import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { type Actor, type ConsentClient, decideConsent, uniqueClaims } from '@grantkeeper/domain';
import { EventStore, type Position, positionOfLast, RECORDED_AT, retrying } from '@grantkeeper/event-store';
import { Clock, type TenantId } from '@grantkeeper/kernel';
import { clientDisplay, coversScopes, ISSUER_SCOPES, redirectHost } from '@grantkeeper/oauth';
import { v7 as uuidv7 } from 'uuid';
import type { AuthorizationRequest, PushedReference } from '../authorize/authorization-request.ts';
import type { AuthorizeContext } from '../authorize/authorize-context.ts';
import { type Asked, Authorizing } from '../authorize/authorizing.ts';
import { Codes } from '../authorize/codes.ts';
import type { PresentedSession } from '../login/sessions.ts';

/** The person approves what the consent page showed, or an admin had for everyone. Answers the authorization code. */
export class GrantConsent extends Command<{ code: string; asked: Asked }> {
  constructor(
    readonly tenantId: TenantId,
    readonly request: AuthorizationRequest,
    readonly session: PresentedSession,
    /** The context that the approval was checked against; read anew when it has changed meanwhile. */
    readonly context: AuthorizeContext,
    /** Where the ledger stood when the consent page was shown. */
    readonly shownAt: Position,
    readonly address: string | undefined,
    /** What is approved of what was asked for. */
    readonly approved: readonly string[],
    /** The admin's consent that this rests on, and whether the person was shown anything of it. */
    readonly byAdmin?: { readonly adminConsentId: string; readonly shown: boolean } | undefined,
  ) {
    super();
  }
}

/**
 * Something was revoked, or the policy changed, after the page was shown: a pending authorization is born when its page
 * is shown, so it is dead, and the person must be asked again on what is true now.
 */
export class ConsentOvertaken extends Error {
  override readonly name = 'ConsentOvertaken';
  constructor(readonly asked: Asked) {
    super('overtaken since the page was shown');
  }
}

/** Grant, client, slot and code in one commit: there is no code without its event, and no event without its code. */
@CommandHandler(GrantConsent)
export class GrantConsentHandler implements ICommandHandler<GrantConsent> {
  constructor(
    private readonly store: EventStore,
    private readonly authorizing: Authorizing,
    private readonly codes: Codes,
    private readonly clock: Clock,
  ) {}

  async execute(command: GrantConsent): Promise<{ code: string; asked: Asked }> {
    const { tenantId, request, session } = command;
    let known: AuthorizeContext | undefined = command.context;
    let approvedVersion: string | undefined;
    return retrying(async () => {
      const context = known ?? (await this.authorizing.read(tenantId, request, session, command.address));
      known = undefined;
      const asked = this.authorizing.judge(request, context, this.clock.now());
      const person = this.authorizing.requireSession(asked);
      approvedVersion ??= asked.redirect.metadataDigest;
      if (
        context.position.epoch !== command.shownAt.epoch ||
        Math.max(context.wideSeq, context.lastGrantRevokedSeq ?? 0) > command.shownAt.seq ||
        asked.redirect.metadataDigest !== approvedVersion ||
        asked.redirect.verdict.outcome !== 'allowed' ||
        !stillStands(command, asked)
      ) {
        throw new ConsentOvertaken(asked);
      }
      const { redirect, access } = asked;
      const display = clientDisplay(redirect);
      // Addresses of people, and nothing that anyone decides on: they stay out of what is kept for ever.
      const { contacts: _contacts, ...metadata } = redirect.metadata;
      const client: ConsentClient = {
        clientId: redirect.clientId,
        kind: redirect.kind,
        admitted: redirect.admitted,
        approved: redirect.approved,
        changed: redirect.changed,
        subjects: redirect.subjects,
        metadata: metadata as unknown as ConsentClient['metadata'],
        metadataDigest: redirect.metadataDigest,
      };
      const { grantId, events } = decideConsent(
        {
          tenantSuspended: context.tenant.suspended,
          user: person,
          client,
          settings: context.settings,
          rules: context.rules,
          resource: {
            ...access.resource,
            scopes: [...access.resource.scopes.map((scope) => scope.name), ...ISSUER_SCOPES],
          },
          ...(asked.grant && { grant: asked.grant }),
        },
        {
          newGrantId: uuidv7(),
          scopes: command.approved,
          shown: {
            clientName: display.name,
            nameVerified: display.nameVerified,
            redirectHost: redirectHost(redirect.redirectUri),
            metadataDigest: redirect.metadataDigest,
            scopes: command.byAdmin?.shown === false ? [] : [...access.scopes],
          },
          ...(command.byAdmin && { adminConsentId: command.byAdmin.adminConsentId }),
          versionBy: versionBy(command, asked),
          ...(command.address !== undefined && { address: command.address }),
        },
      );
      const { code, row } = this.codes.create(asked, grantId, positionOfLast(events.length), command.approved);
      const actor: Actor = { kind: 'user', id: person.userId };
      const grantRow = context.grants?.find((grant) => grant.grant_id === grantId);
      await this.store.append({
        tenantId,
        actor,
        read: context.position,
        events,
        current: [
          ...(context.client ? [{ table: 'clients', row: context.client }] : []),
          ...(grantRow ? [{ table: 'grants', row: grantRow }] : []),
        ],
        // Of a grant that is there already nothing is claimed.
        facts: uniqueClaims(events).map((claim) => ({
          ...claim,
          expect: context.slots?.[access.resource.resourceId] ?? null,
        })),
        rows: {
          authorization_codes: [{ ...row, tenant_id: tenantId }],
          ...(request.pushed && { answered_requests: [answerTo(tenantId, request.pushed)] }),
        },
      });
      return { code, asked };
    });
  }
}

/** What was approved is still what is asked, and rests on what it rested on. */
function stillStands({ approved, byAdmin }: GrantConsent, asked: Asked): boolean {
  const { consent } = asked;
  const adminConsentId = 'adminConsentId' in consent ? consent.adminConsentId : undefined;
  return (
    coversScopes(asked.access.scopes, approved) && (byAdmin === undefined || byAdmin.adminConsentId === adminConsentId)
  );
}

/** Who has looked at the version of the client that is linked now. */
function versionBy({ byAdmin }: GrantConsent, { context, redirect }: Asked): 'consent' | 'admin' | 'policy' {
  if (byAdmin === undefined || byAdmin.shown) return 'consent';
  const given = context.adminConsents.find((consent) => consent.consentId === byAdmin.adminConsentId);
  return given?.metadataDigest === redirect.metadataDigest ? 'admin' : 'policy';
}

function answerTo(tenantId: TenantId, { requestHash }: PushedReference): object {
  return { tenant_id: tenantId, request_hash: `\\x${requestHash}`, answered_at: RECORDED_AT };
}

import { DomainError } from '@grantkeeper/kernel';
import type { NewEvent } from '../event.ts';
import {
  webhookChanged,
  webhookCreated,
  webhookDisabled,
  webhookEnabled,
  webhookRemoved,
  webhookSecretRotated,
  type WebhookSettings,
} from './webhook.events.ts';

/** Each is told on its own, so a tenant that has many costs as many requests per event. */
export const MOST_WEBHOOKS = 50;

/** What is known of a webhook; undefined when there is none of that id, or it has been removed. */
export type WebhookState =
  { readonly webhookId: string; readonly settings: WebhookSettings; readonly disabled: boolean } | undefined;

/** Makes a webhook. Rejects with `webhook.too_many`. */
export function decideWebhookCreation(
  state: { readonly webhooks: number },
  command: { readonly webhookId: string; readonly settings: WebhookSettings },
): NewEvent[] {
  if (state.webhooks >= MOST_WEBHOOKS) {
    throw new DomainError('webhook.too_many', `A tenant has at most ${MOST_WEBHOOKS} webhooks.`, 'conflict');
  }
  return [webhookCreated.on(command.webhookId, { webhookId: command.webhookId, ...command.settings })];
}

/** Changes settings, and whether it is told anything; what is as it was is no event. Rejects with `webhook.not_found`. */
export function decideWebhookChange(
  state: WebhookState,
  command: { readonly settings: Partial<WebhookSettings>; readonly enabled?: boolean | undefined },
): NewEvent[] {
  const { webhookId, settings: before, disabled } = existing(state);
  const settings = { ...before, ...command.settings };
  const events: NewEvent[] = [];
  if (JSON.stringify(settings) !== JSON.stringify(before))
    events.push(webhookChanged.on(webhookId, { webhookId, ...settings }));
  if (command.enabled === true && disabled) events.push(webhookEnabled.on(webhookId, { webhookId }));
  if (command.enabled === false && !disabled)
    events.push(webhookDisabled.on(webhookId, { webhookId, because: 'admin' }));
  return events;
}

/** Stops telling a receiver that is gone or takes nothing; nothing where that has been done. */
export function decideWebhookGivingUp(state: WebhookState, because: 'gone' | 'failing'): NewEvent[] {
  if (!state || state.disabled) return [];
  return [webhookDisabled.on(state.webhookId, { webhookId: state.webhookId, because })];
}

/** Replaces the secret. Rejects with `webhook.not_found`. */
export function decideWebhookSecretRotation(state: WebhookState, overlapSeconds: number): NewEvent[] {
  const { webhookId } = existing(state);
  return [webhookSecretRotated.on(webhookId, { webhookId, overlapSeconds })];
}

/** Takes a webhook away. Rejects with `webhook.not_found`. */
export function decideWebhookRemoval(state: WebhookState): NewEvent[] {
  const { webhookId } = existing(state);
  return [webhookRemoved.on(webhookId, { webhookId })];
}

function existing(state: WebhookState): NonNullable<WebhookState> {
  if (state) return state;
  throw new DomainError('webhook.not_found', 'There is no such webhook.', 'not_found');
}

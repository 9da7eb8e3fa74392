/** What the measuring process tells a process of enforcement points. */
export type Order =
  | {
      readonly type: 'start';
      readonly issuer: string;
      readonly resource: string;
      readonly credential: string;
      readonly points: number;
      readonly controls: readonly string[];
    }
  /** Tokens to be presented to every point, again and again, until all of them refuse each for good. */
  | { readonly type: 'watch'; readonly tokens: readonly (readonly [id: string, token: string])[] }
  /** Tokens that every point is presented one after the other, each until it refuses it: in the order of their revocation. */
  | { readonly type: 'walk'; readonly tokens: readonly (readonly [id: string, token: string])[] }
  /** No longer, whatever they are worth: they were not revoked after all. */
  | { readonly type: 'forget'; readonly ids: readonly string[] }
  | { readonly type: 'report' }
  | { readonly type: 'stop' };

/** What one of these tokens met, over all points of a process. Milliseconds since 1970. */
export interface Fate {
  readonly id: string;
  /** When the last call was let through. */
  readonly lastAccepted: number;
  /** The first refusal by 401, at any point; and the last of the points' first ones. */
  readonly firstRefused: number;
  readonly allRefused: number;
}

export interface Counts {
  readonly calls: number;
  /** Answers of 503: not known, so not accepted. */
  readonly unavailable: number;
  /** Tokens that nobody has revoked, refused by 401. */
  readonly wronglyRefused: number;
}

export type Report =
  | { readonly type: 'ready' }
  | { readonly type: 'watching' }
  | { readonly type: 'fate'; readonly fate: Fate }
  | { readonly type: 'walked'; readonly fates: readonly Fate[] }
  | { readonly type: 'counts'; readonly counts: Counts };

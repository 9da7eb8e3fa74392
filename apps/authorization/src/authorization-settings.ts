/** What the authorization server is told about its deployment. */
export class AuthorizationSettings {
  /** Public origin of the authorization servers. */
  readonly authUrl: string;
  /** Public origin of the admin API, where the revocation feed is. */
  readonly adminUrl: string;

  constructor(settings: { authUrl: string; adminUrl: string }) {
    this.authUrl = settings.authUrl;
    this.adminUrl = settings.adminUrl;
  }
}

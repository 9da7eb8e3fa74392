/** What the authorization server is told about its deployment. */
export class AuthorizationSettings {
  /** Public origin of the authorization servers. */
  readonly authUrl: string;

  constructor(settings: { authUrl: string }) {
    this.authUrl = settings.authUrl;
  }
}

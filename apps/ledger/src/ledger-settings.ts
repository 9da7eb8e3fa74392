/** What the ledger service is told about its deployment. Issuers and resources are made of these, once and for ever. */
export class LedgerSettings {
  readonly authUrl: string;
  readonly mcpUrl: string;
  readonly adminUrl: string;

  constructor(settings: { authUrl: string; mcpUrl: string; adminUrl: string }) {
    this.authUrl = settings.authUrl;
    this.mcpUrl = settings.mcpUrl;
    this.adminUrl = settings.adminUrl;
  }
}

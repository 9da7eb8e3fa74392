import type { StandaloneSummary } from './standalone.ts';

/** What a person needs for the first link. The admin key is a secret and stays in the file. */
export function welcome({ adminUrl, demo }: StandaloneSummary, summaryFile: string): string {
  const lines: [string, string][] = [
    ['Paste into an MCP client', demo.resource],
    ['Sign in as', `${demo.user.email}   password: ${demo.user.password}`],
    ['', ''],
    ['Issuer', demo.issuer],
    ['Admin API', `${adminUrl}/admin/v1/tenants/${demo.tenant}`],
    ['Admin key', `"adminKey" in ${summaryFile}`],
  ];
  const width = Math.max(...lines.map(([name]) => name.length)) + 3;
  return [
    '',
    'Grantkeeper is ready.',
    '',
    ...lines.map(([name, value]) => `  ${name.padEnd(width)}${value}`.trimEnd()),
    '',
    'Ctrl-C stops it.',
    '',
  ].join('\n');
}

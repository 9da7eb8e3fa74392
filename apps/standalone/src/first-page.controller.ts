import { securityHeaders, stylesheetPath } from '@grantkeeper/authorization-app';
import { Controller, Get, Injectable, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';

/** What a person who opens the port is told; set when the demo tenant is there. */
@Injectable()
export class FirstPage {
  resource = '';
}

/** The first thing that whoever has typed `npm start` opens. There is no such page in production. */
@Controller()
export class FirstPageController {
  constructor(private readonly page: FirstPage) {}

  @Get()
  async show(@Res() reply: FastifyReply): Promise<void> {
    await reply
      .headers(securityHeaders({ formTargets: [] }))
      .type('text/html; charset=utf-8')
      .send(html(this.page.resource));
  }
}

/** `resource` is a URL of ours, in which nothing is to be escaped. */
function html(resource: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Grantkeeper is running</title>
<link rel="stylesheet" href="${stylesheetPath}">
</head>
<body>
<div class="page">
<main class="card">
<h1>Grantkeeper is running</h1>
<p class="lead">Paste this address into an MCP client, such as the MCP Inspector:</p>
<h2>MCP server of the demo tenant</h2>
<p><code>${resource.replaceAll('/', '/<wbr>')}</code></p>
<h2>Sign in</h2>
<p>With the e-mail address and the password that <code>npm start</code> has printed. They are in <code>standalone.json</code> of its data directory as well.</p>
</main>
</div>
</body>
</html>
`;
}

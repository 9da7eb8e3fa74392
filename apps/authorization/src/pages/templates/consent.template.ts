export const consentTemplate = `<% layout('@layout') %>
<% const p = it.phrases; const client = { client: it.client.name }; %>
<div class="pair" aria-hidden="true">
<span class="tile"><%= it.initial(it.client.name) %></span>
<span class="bond"><%~ it.icons.link %></span>
<span class="tile tile-own"><%= it.initial(it.resource.name) %></span>
</div>
<h1 class="centered"><%~ p.html('consent.title', { client: it.client.name, resource: it.resource.name }) %></h1>
<% if (it.client.verifiedHost) { %>
<p class="centered"><span class="badge badge-good"><%~ it.icons.check %><span><%~ p.html('consent.verified', { host: it.client.verifiedHost }) %></span></span></p>
<% } %>
<% if (it.client.nameIsUnverified) { %>
<div class="notice notice-warning">
<%~ it.icons.warning %>
<p><strong><%= p.text('consent.unverified') %></strong><br><%~ p.html('consent.unverifiedHint', client) %></p>
</div>
<% } %>
<div class="account">
<span class="mark mark-round" aria-hidden="true"><%= it.initial(it.user.name ?? it.user.email) %></span>
<p><span class="label"><%= p.text('consent.signedInAs') %></span><bdi class="strong"><%= it.user.name ?? it.user.email %></bdi><% if (it.user.name) { %><bdi class="muted"><%= it.user.email %></bdi><% } %></p>
<form method="post" action="<%= it.switchAccountAction %>">
<input type="hidden" name="request" value="<%= it.request %>">
<input type="hidden" name="csrf" value="<%= it.csrf %>">
<button type="submit" class="button button-quiet"><%= p.text('consent.switch') %></button>
</form>
</div>
<section aria-labelledby="scopes">
<h2 id="scopes"><%= p.text('consent.scopes') %></h2>
<% if (it.scopes.length === 0) { %><p class="muted"><%= p.text('consent.noScopes') %></p><% } %>
<% if (it.scopes.length > 0 || it.offline) { %>
<ul class="scopes">
<% for (const scope of it.scopes) { %>
<li<% if (scope.risky) { %> class="risky"<% } %>>
<%~ scope.risky ? it.icons.warning : it.icons.check %>
<div>
<p><bdi><%= scope.description %></bdi></p>
<p class="tags"><code><bdi><%= scope.name %></bdi></code><% if (scope.risky) { %><span class="badge badge-warning"><%= p.text('consent.risky') %></span><% } %><% if (scope.alreadyGranted) { %><span class="badge"><%= p.text('consent.granted') %></span><% } %></p>
</div>
</li>
<% } %>
<% if (it.offline) { %>
<li>
<%~ it.icons.clock %>
<div>
<p><%= p.text('consent.offline') %></p>
<p class="muted"><%= p.text('consent.offlineHint') %></p>
</div>
</li>
<% } %>
</ul>
<% } %>
</section>
<section aria-labelledby="check">
<h2 id="check"><%= p.text('consent.check') %></h2>
<dl class="facts">
<div><dt><%= p.text('consent.redirect') %></dt><dd><bdi class="strong"><%= it.redirectHost %></bdi></dd></div>
<div><dt><%= p.text('consent.resource') %></dt><dd><bdi class="strong"><%= it.resource.name %></bdi><bdi class="muted small"><%= it.resource.url %></bdi></dd></div>
</dl>
<% if (it.loopback) { %>
<div class="notice notice-warning">
<%~ it.icons.computer %>
<p><strong><%= p.text('consent.loopback') %></strong><br><%~ p.html('consent.loopbackHint', client) %></p>
</div>
<% } %>
</section>
<form method="post" action="<%= it.action %>" class="decision">
<input type="hidden" name="request" value="<%= it.request %>">
<input type="hidden" name="csrf" value="<%= it.csrf %>">
<button type="submit" name="decision" value="refuse" class="button" aria-describedby="revoke"><%= p.text('consent.refuse') %></button>
<button type="submit" name="decision" value="approve" class="button button-primary" aria-describedby="revoke"><%= p.text('consent.approve') %></button>
</form>
<p class="muted small centered" id="revoke"><%= p.text('consent.revoke') %></p>
`;

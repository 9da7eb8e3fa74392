export const consentTemplate = `<% layout('@layout') %>
<% const p = it.phrases; const client = { client: it.client.name }; const key = 'consent.' + it.reason; const notice = it.reason === 'notice'; %>
<% const parties = { client: it.client.name, resource: it.resource.name }; const choice = it.scopes.some((scope) => scope.field); %>
<div class="pair" aria-hidden="true">
<span class="tile"><%= it.initial(it.client.name) %></span>
<span class="bond"><%~ it.icons.link %></span>
<span class="tile tile-own"><%= it.initial(it.resource.name) %></span>
</div>
<h1 class="centered"><%~ p.html(key + '.title', parties) %></h1>
<% if (it.client.verifiedHost) { %>
<p class="centered"><span class="badge badge-good"><%~ it.icons.check %><span><%~ p.html('consent.verified', { host: it.client.verifiedHost }) %></span></span></p>
<% } %>
<% if (notice || it.reason === 'again' || it.reason === 'changed') { %>
<p class="lead centered"><%~ p.html(key + '.lead', { tenant: it.tenantName }) %></p>
<% } %>
<% if (it.problem) { %>
<div class="notice notice-error" role="alert" id="problem">
<%~ it.icons.stop %>
<p><strong><%= p.text('consent.problem') %></strong><br><%= p.text('consent.' + it.problem) %></p>
</div>
<% } %>
<% if (it.client.nameIsUnverified) { %>
<div class="notice notice-warning">
<%~ it.icons.warning %>
<p><strong><%= p.text('consent.unverified') %></strong><br><%~ p.html(notice ? 'consent.notice.unverifiedHint' : 'consent.unverifiedHint', { client: it.client.name, tenant: it.tenantName }) %></p>
</div>
<% } %>
<div class="account">
<span class="mark mark-round" aria-hidden="true"><%= it.initial(it.user.name ?? it.user.email) %></span>
<p><span class="label"><%= p.text('consent.signedInAs') %></span><bdi class="strong"><% if (it.user.name) { %><%= it.user.name %><% } else { %><%~ it.email %><% } %></bdi><% if (it.user.name) { %><bdi class="muted"><%~ it.email %></bdi><% } %></p>
<form method="post" action="<%= it.switchAccountAction %>">
<input type="hidden" name="request" value="<%= it.request %>">
<input type="hidden" name="csrf" value="<%= it.csrf %>">
<button type="submit" class="button button-quiet"><%= p.text('consent.switch') %></button>
</form>
</div>
<section aria-labelledby="scopes">
<h2 id="scopes"><%= p.text('consent.scopes') %></h2>
<% if (choice) { %><p class="muted small hint" id="choose"><%= p.text('consent.choose') %></p><% } %>
<% if (it.scopes.length === 0) { %><p class="muted hint"><%= p.text('consent.noScopes') %></p><% } %>
<ul class="scopes">
<% it.scopes.forEach((scope, index) => { const id = 'scope-' + index; %>
<li<% if (scope.risky) { %> class="risky"<% } %>>
<% if (scope.field) { %><input type="checkbox" form="decision" id="<%= id %>" name="<%= scope.field %>" value="allow"<% if (!it.problem) { %> checked<% } %> aria-describedby="<%= id %>-tags choose"<% if (it.problem) { %> aria-invalid="true"<% } %>><% } else { %><%~ scope.risky ? it.icons.warning : it.icons.dot %><% } %>
<div>
<% if (scope.field) { %><label for="<%= id %>"><bdi><%= scope.description %></bdi></label><% } else { %><p><bdi><%= scope.description %></bdi></p><% } %>
<p class="tags" id="<%= id %>-tags"><code><bdi><%= scope.name %></bdi></code><% if (scope.risky) { %><span class="badge badge-warning"><%= p.text('consent.risky') %></span><% } %><% if (scope.alreadyGranted) { %><span class="badge"><%= p.text('consent.granted') %></span><% } else if (it.reason === 'more') { %><span class="badge badge-good"><%= p.text('consent.added') %></span><% } %></p>
</div>
</li>
<% }) %>
<li>
<%~ it.icons.clock %>
<div>
<p><%= p.text(it.offline ? 'consent.offline' : 'consent.brief') %></p>
<p class="muted"><%= p.text(it.offline ? 'consent.offlineHint' : 'consent.briefHint') %> <%= it.limits %></p>
</div>
</li>
</ul>
</section>
<section aria-labelledby="check">
<h2 id="check"><%= p.text('consent.check') %></h2>
<dl class="facts">
<div><dt><%= p.text('consent.redirect') %></dt><dd><bdi class="strong"><%= it.redirectHost %></bdi></dd></div>
<div><dt><%= p.text('consent.resource') %></dt><dd><bdi class="strong"><%= it.resource.name %></bdi><bdi class="muted small"><%~ it.resourceUrl %></bdi></dd></div>
</dl>
<% if (it.loopback) { %>
<div class="notice notice-warning">
<%~ it.icons.computer %>
<p><strong><%= p.text('consent.loopback') %></strong><br><%~ p.html('consent.loopbackHint', client) %></p>
</div>
<% } %>
</section>
<form method="post" action="<%= it.action %>" class="decision" id="decision">
<input type="hidden" name="request" value="<%= it.request %>">
<input type="hidden" name="csrf" value="<%= it.csrf %>">
<% if (notice) { %><input type="hidden" name="basis" value="admin"><% } %>
<button type="submit" name="decision" value="refuse" class="button" aria-describedby="revoke"><%= p.text(notice ? 'consent.notice.refuse' : 'consent.refuse') %></button>
<button type="submit" name="decision" value="approve" class="button button-primary" aria-describedby="revoke"><%= p.text(notice ? 'consent.notice.approve' : 'consent.approve') %></button>
</form>
<p class="muted small centered" id="revoke"><%~ p.html('consent.revoke', { client: it.client.name, tenant: it.tenantName }) %></p>
`;

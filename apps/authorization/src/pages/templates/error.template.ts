export const errorTemplate = `<% layout('@layout') %>
<% const p = it.phrases; const kind = 'error.' + it.kind; %>
<div class="emblem" aria-hidden="true"><%~ it.kind === 'client_asked' ? it.icons.clock : it.icons.stop %></div>
<h1><%= p.text(kind + '.title') %></h1>
<p class="lead"><%= p.text(kind + '.what') %></p>
<% if (it.app) { %>
<dl class="facts">
<div><dt><%= p.text('error.app') %></dt><dd><bdi class="strong"><%= it.app.name %></bdi><% if (!it.app.nameVerified) { %> <span class="muted small"><%= p.text('consent.unverified') %></span><% } %></dd></div>
<div><dt><%= p.text('consent.redirect') %></dt><dd><bdi class="strong"><%= it.app.redirectHost %></bdi></dd></div>
</dl>
<% } %>
<h2><%= p.text('error.todo') %></h2>
<p><%= p.text(kind + '.todo') %></p>
<% if (it.details || it.reference) { %>
<dl class="facts">
<% if (it.details) { %><div><dt><%= p.text('error.details') %></dt><dd><code lang="en"><bdi><%= it.details %></bdi></code></dd></div><% } %>
<% if (it.reference) { %><div><dt><%= p.text('error.reference') %></dt><dd><code><%= it.reference %></code></dd></div><% } %>
</dl>
<% } %>
`;

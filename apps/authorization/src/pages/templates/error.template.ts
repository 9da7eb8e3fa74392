export const errorTemplate = `<% layout('@layout') %>
<% const p = it.phrases; const kind = 'error.' + it.kind; %>
<div class="emblem" aria-hidden="true"><%~ it.icons.stop %></div>
<h1><%= p.text(kind + '.title') %></h1>
<p class="lead"><%= p.text(kind + '.what') %></p>
<h2><%= p.text('error.todo') %></h2>
<p><%= p.text(kind + '.todo') %></p>
<% if (it.details || it.reference) { %>
<dl class="facts">
<% if (it.details) { %><div><dt><%= p.text('error.details') %></dt><dd><code lang="en"><bdi><%= it.details %></bdi></code></dd></div><% } %>
<% if (it.reference) { %><div><dt><%= p.text('error.reference') %></dt><dd><code><%= it.reference %></code></dd></div><% } %>
</dl>
<% } %>
`;

export const signedOutTemplate = `<% layout('@layout') %>
<div class="emblem emblem-good" aria-hidden="true"><%~ it.icons.check %></div>
<h1><%= it.phrases.text('signedOut.title') %></h1>
<p class="lead"><%~ it.phrases.html('signedOut.text', { tenant: it.tenantName }) %></p>
<p class="muted"><%= it.phrases.text('signedOut.links') %></p>
`;

export const signOutTemplate = `<% layout('@layout') %>
<h1><%~ it.phrases.html('signOut.title', { tenant: it.tenantName }) %></h1>
<p class="lead"><%= it.phrases.text('signOut.text') %></p>
<form method="post" action="<%= it.action %>" class="fields">
<input type="hidden" name="request" value="<%= it.request %>">
<input type="hidden" name="csrf" value="<%= it.csrf %>">
<button type="submit" class="button button-primary"><%= it.phrases.text('signOut.submit') %></button>
</form>
<p class="muted small centered"><%= it.phrases.text('signOut.stay') %></p>
`;

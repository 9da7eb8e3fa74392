export const loginTemplate = `<% layout('@layout') %>
<h1><%~ it.phrases.html('login.title', { tenant: it.tenantName }) %></h1>
<p class="lead"><%~ it.phrases.html('login.purpose', { client: it.client.name }) %></p>
<% if (it.client.verifiedHost) { %>
<p><span class="badge badge-good"><%~ it.icons.check %><span><%~ it.phrases.html('consent.verified', { host: it.client.verifiedHost }) %></span></span></p>
<% } %>
<% if (it.client.nameIsUnverified) { %>
<div class="notice notice-warning">
<%~ it.icons.warning %>
<p><strong><%= it.phrases.text('consent.unverified') %></strong><br><%~ it.phrases.html('consent.unverifiedHint', { client: it.client.name }) %></p>
</div>
<% } %>
<% if (it.problem) { %>
<div class="notice notice-error" role="alert" id="problem">
<%~ it.icons.stop %>
<p><strong><%= it.phrases.text('login.problem') %></strong><br><%= it.phrases.text('login.' + it.problem) %></p>
</div>
<% } %>
<form method="post" action="<%= it.action %>" class="fields">
<input type="hidden" name="request" value="<%= it.request %>">
<input type="hidden" name="csrf" value="<%= it.csrf %>">
<div class="field">
<label for="email"><%= it.phrases.text('login.email') %></label>
<input id="email" name="email" type="email" value="<%= it.email ?? '' %>" autocomplete="username" inputmode="email" autocapitalize="none" spellcheck="false" maxlength="254" required<%~ it.fieldState %><% if (!it.email) { %> autofocus<% } %>>
</div>
<div class="field">
<label for="password"><%= it.phrases.text('login.password') %></label>
<input id="password" name="password" type="password" autocomplete="current-password" maxlength="1024" required<%~ it.fieldState %><% if (it.email) { %> autofocus<% } %>>
</div>
<button type="submit" class="button button-primary"><%= it.phrases.text('login.submit') %></button>
</form>
`;

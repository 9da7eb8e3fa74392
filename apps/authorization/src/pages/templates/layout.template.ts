export const layoutTemplate = `<!doctype html>
<html lang="<%= it.lang %>">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<title><%= it.documentTitle %></title>
<link rel="stylesheet" href="<%= it.stylesheetPath %>">
</head>
<body>
<div class="page">
<% if (it.tenantName) { %>
<header class="brand">
<span class="mark" aria-hidden="true"><%= it.initial(it.tenantName) %></span>
<bdi class="brand-name"><%= it.tenantName %></bdi>
</header>
<% } %>
<main class="card">
<%~ it.body %>
</main>
<footer class="foot"><%~ it.icons.shield %><span><%= it.phrases.text('footer.by') %></span></footer>
</div>
</body>
</html>
`;

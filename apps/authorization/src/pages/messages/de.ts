import type { Messages } from './en.ts';

/** Every phrase of the pages in German. */
export const de: Messages = {
  'footer.by': 'Gesichert durch Grantkeeper',

  'login.title': 'Bei {tenant} anmelden',
  'login.purpose': 'um mit {client} fortzufahren',
  'login.email': 'E-Mail',
  'login.password': 'Passwort',
  'login.submit': 'Anmelden',
  'login.problem': 'Anmeldung nicht möglich',
  'login.invalid_credentials': 'E-Mail oder Passwort stimmt nicht. Bitte versuchen Sie es noch einmal.',
  'login.other_account':
    'Die App hat ein anderes Konto verlangt. Bitte melden Sie sich mit dem an, das mit ihr verbunden ist.',
  'login.too_many': 'Zu viele Versuche. Bitte warten Sie einige Minuten und versuchen Sie es dann noch einmal.',
  'login.expired': 'Die Seite war zu lange geöffnet. Bitte melden Sie sich noch einmal an.',

  'consent.documentTitle': 'Zugriff erlauben?',
  'consent.new.title': '{client} möchte sich mit {resource} verbinden',
  'consent.more.title': '{client} möchte mehr in {resource} tun',
  'consent.again.title': 'Soll {client} mit {resource} verbunden bleiben?',
  'consent.again.lead':
    'Sie haben das vor längerer Zeit erlaubt. {tenant} bittet von Zeit zu Zeit um eine Bestätigung.',
  'consent.changed.title': '{client} hat sich geändert. Erneut mit {resource} verbinden?',
  'consent.changed.lead':
    'Der Herausgeber hat die Angaben der App geändert, seit Sie sie erlaubt haben. Prüfen Sie die Einzelheiten.',
  'consent.notice.title': '{client} mit {resource} verbinden',
  'consent.notice.lead':
    '{tenant} hat diese App für alle freigegeben. Fahren Sie nur fort, wenn Sie das gerade selbst begonnen haben.',
  'consent.notice.approve': 'Weiter',
  'consent.notice.refuse': 'Abbrechen',
  'consent.unverified': 'Name nicht geprüft',
  'consent.unverifiedHint': 'Den Namen {client} hat die App selbst gewählt. Niemand hat ihn geprüft.',
  'consent.notice.unverifiedHint':
    'Den Namen {client} hat die App selbst gewählt. {tenant} hat sie unter diesem Namen freigegeben.',
  'consent.verified': 'Veröffentlicht von {host}',
  'consent.signedInAs': 'Angemeldet als',
  'consent.switch': 'Anderes Konto verwenden',
  'consent.scopes': 'Das darf die App',
  'consent.noScopes': 'Die App verlangt keine Berechtigung außer der Verbindung selbst.',
  'consent.risky': 'Sensibel',
  'consent.granted': 'Bereits erlaubt',
  'consent.added': 'Neu',
  'consent.choose': 'Sie können das Häkchen bei allem entfernen, was Sie nicht erlauben möchten.',
  'consent.problem': 'Es bleibt nichts zu erlauben',
  'consent.nothing_left': 'Lassen Sie mindestens eine Berechtigung angekreuzt, oder wählen Sie „Ablehnen“.',
  'consent.openid': 'Sie wiedererkennen: Die App erfährt die Kennung Ihres Kontos hier',
  'consent.profile': 'Ihren Namen sehen',
  'consent.email': 'Ihre E-Mail-Adresse sehen und ob sie bestätigt ist',
  'consent.offline': 'Verbunden bleiben',
  'consent.offlineHint': 'Die App behält diesen Zugriff auch in Ihrer Abwesenheit.',
  'consent.brief': 'Für kurze Zeit',
  'consent.briefHint': 'Danach muss die App Sie noch einmal fragen.',
  'consent.total': 'Dauer: höchstens {time}.',
  'consent.totalOrIdle': 'Dauer: höchstens {time}, ohne Nutzung {idle}.',
  'consent.check': 'Bitte vor dem Erlauben prüfen',
  'consent.resource': 'Zugriff auf',
  'consent.redirect': 'Schickt Sie zurück zu',
  'consent.loopback': 'Diese App läuft auf Ihrem Computer',
  'consent.loopbackHint':
    'Jedes Programm auf diesem Computer könnte sich als {client} ausgeben. Erlauben Sie es nur, wenn Sie die App gerade selbst gestartet haben.',
  'consent.revoke':
    'Sie können das jederzeit beenden: trennen Sie die Verbindung in {client}, oder fragen Sie die Administration von {tenant}.',
  'consent.approve': 'Erlauben',
  'consent.refuse': 'Ablehnen',

  'signOut.title': 'Von {tenant} abmelden?',
  'signOut.text': 'Sie werden in diesem Browser abgemeldet. Verbundene Apps bleiben verbunden.',
  'signOut.submit': 'Abmelden',
  'signOut.stay': 'Um angemeldet zu bleiben, schließen Sie diese Seite.',

  'signedOut.title': 'Sie sind abgemeldet',
  'signedOut.text': 'Sie haben sich von {tenant} abgemeldet. Sie können diese Seite schließen.',
  'signedOut.links':
    'Verbundene Apps bleiben verbunden. Um das zu beenden, trennen Sie die Verbindung in der App oder fragen Sie Ihre Administration.',

  'error.todo': 'Was Sie tun können',
  'error.app': 'App',
  'error.reference': 'Referenz',
  'error.details': 'Einzelheiten für Entwickler',
  'error.unknown_client.title': 'Diese App ist hier nicht bekannt',
  'error.unknown_client.what':
    'Die App, die Sie hierher geschickt hat, ist nicht registriert, oder ihre Registrierung ist abgelaufen.',
  'error.unknown_client.todo':
    'Gehen Sie zurück zur App, entfernen Sie die Verbindung und fügen Sie sie neu hinzu. Hilft das nicht, fragen Sie Ihre Administration.',
  'error.client_unreachable.title': 'Diese App lässt sich gerade nicht prüfen',
  'error.client_unreachable.what':
    'Die Angaben des Herausgebers über die App konnten nicht gelesen werden, deshalb haben wir hier angehalten.',
  'error.client_unreachable.todo':
    'Gehen Sie zur App zurück und versuchen Sie es in einigen Minuten erneut. Geschieht es wieder, sagen Sie es den Herstellern der App.',
  'error.invalid_redirect_uri.title': 'Diese App würde Sie an eine unbekannte Adresse schicken',
  'error.invalid_redirect_uri.what':
    'Die Rücksprungadresse in der Anfrage hat die App nicht registriert. Zum Schutz Ihres Kontos haben wir hier angehalten.',
  'error.invalid_redirect_uri.todo':
    'Schließen Sie diese Seite. Wenn Sie der App vertrauen, melden Sie diese Nachricht ihren Herstellern.',
  'error.invalid_request.title': 'Diese Anfrage lässt sich nicht beantworten',
  'error.invalid_request.what': 'Etwas darin fehlt oder stimmt nicht.',
  'error.invalid_request.todo':
    'Gehen Sie zurück zur App und beginnen Sie von vorn. Geschieht es wieder, melden Sie es den Herstellern der App.',
  'error.session_expired.title': 'Diese Seite ist abgelaufen',
  'error.session_expired.what': 'Sie war zu lange geöffnet, oder Sie haben sie bereits beantwortet.',
  'error.session_expired.todo': 'Gehen Sie zurück zur App und verbinden Sie sie noch einmal.',
  'error.tenant_unavailable.title': 'Diese Organisation ist nicht verfügbar',
  'error.tenant_unavailable.what': 'Ihr Zugang ist zurzeit abgeschaltet oder gesperrt.',
  'error.tenant_unavailable.todo': 'Fragen Sie Ihre Administration.',
  'error.access_suspended.title': 'Der Zugang ist ausgesetzt',
  'error.access_suspended.what':
    'Ihre Administration hat diesen Zugang vorläufig ausgesetzt, deshalb lässt sich nichts verbinden.',
  'error.access_suspended.todo':
    'Schließen Sie diese Seite. Wenn Sie den Zugang jetzt brauchen, fragen Sie Ihre Administration.',
  'error.client_blocked.title': 'Diese App ist gesperrt',
  'error.client_blocked.what': 'Ihre Administration lässt diese App nicht an die Daten Ihrer Organisation.',
  'error.client_blocked.todo':
    'Schließen Sie diese Seite. Brauchen Sie die App für Ihre Arbeit, fragen Sie Ihre Administration.',
  'error.client_not_listed.title': 'Diese App ist hier nicht zugelassen',
  'error.client_not_listed.what': 'Ihre Organisation verbindet nur Apps, die ihre Administration zugelassen hat.',
  'error.client_not_listed.todo':
    'Brauchen Sie die App für Ihre Arbeit, bitten Sie Ihre Administration, sie zuzulassen.',
  'error.client_asked.title': 'Ihre Administration wurde gefragt',
  'error.client_asked.what':
    'Diese App hat hier noch niemand verwendet. Deshalb muss Ihre Administration sie erst zulassen; Ihre Anfrage liegt ihr jetzt vor.',
  'error.client_asked.todo':
    'Sie können diese Seite schließen. Ist die App zugelassen, gehen Sie zu ihr zurück und verbinden Sie sie noch einmal.',
  'error.client_refused.title': 'Ihre Administration hat diese App abgelehnt',
  'error.client_refused.what': 'Jemand hat schon danach gefragt, und Ihre Administration hat sich dagegen entschieden.',
  'error.client_refused.todo': 'Brauchen Sie die App für Ihre Arbeit, sprechen Sie mit Ihrer Administration.',
  'error.client_requests_full.title': 'Diese App muss erst zugelassen werden',
  'error.client_requests_full.what':
    'Ihre Administration muss sie zulassen. Es warten aber schon zu viele Anfragen, deshalb konnte diese nicht weitergegeben werden.',
  'error.client_requests_full.todo':
    'Sagen Sie Ihrer Administration selbst, welche App Sie brauchen, oder versuchen Sie es später noch einmal.',
  'error.not_found.title': 'Unter dieser Adresse gibt es nichts',
  'error.not_found.what': 'Vielleicht ist sie falsch geschrieben, oder was hier war, gibt es nicht mehr.',
  'error.not_found.todo':
    'Prüfen Sie die Adresse. Hat eine App Sie hierher geschickt, gehen Sie zu ihr zurück und verbinden Sie sie noch einmal.',
  'error.server_error.title': 'Bei uns ist etwas schiefgegangen',
  'error.server_error.what':
    'Ihre Anfrage konnte nicht beantwortet werden. Der Fehler liegt weder bei Ihnen noch bei der App.',
  'error.server_error.todo':
    'Versuchen Sie es gleich noch einmal. Geschieht es wieder, melden Sie es Ihrer Administration.',
  'error.too_many.title': 'Zu viele Anfragen',
  'error.too_many.what': 'Aus Ihrem Netz kamen mehr Anfragen, als wir zulassen.',
  'error.too_many.todo': 'Warten Sie einige Minuten und versuchen Sie es dann noch einmal.',

  'error.busy.title': 'Einen Moment bitte',
  'error.busy.what': 'Der Dienst ist gerade ausgelastet und konnte nicht antworten.',
  'error.busy.todo': 'Gehen Sie zurück und versuchen Sie es in einigen Sekunden noch einmal.',
};

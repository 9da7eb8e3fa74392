import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { publicEventTypes } from '@grantkeeper/deliveries';
import { eventCatalogue } from '@grantkeeper/domain';
import { serviceSettings, standaloneSettings } from '@grantkeeper/config';
import { z } from 'zod';
import { filesBelow, generatedDocument, readRepositoryFile, ROOT, sectionOf } from './documents.ts';
import { errorsDocument } from './errors-document.ts';
import { eventsDocument } from './events-document.ts';
import { thrownErrors } from './thrown-errors.ts';
import { webhookEventsDocument } from './webhook-events-document.ts';

describe('generated documents', () => {
  test('docs/events.md is what the catalogue of events says (npm run docs)', () => {
    const expected = eventsDocument(eventCatalogue);
    expect(generatedDocument('docs/events.md', expected)).toBe(expected);
  });

  test('docs/webhook-events.md is what the public catalogue says (npm run docs)', () => {
    const expected = webhookEventsDocument(publicEventTypes);
    expect(generatedDocument('docs/webhook-events.md', expected)).toBe(expected);
  });

  test('docs/errors.md is what the sources raise (npm run docs)', () => {
    const expected = errorsDocument();
    expect(generatedDocument('docs/errors.md', expected)).toBe(expected);
  });

  test('an error code always has the same status and is of the form area.snake_case', () => {
    for (const [code, places] of Map.groupBy(thrownErrors('DomainError'), (error) => error.code)) {
      expect(code).toMatch(/^[a-z]+\.[a-z_]+$/);
      expect([code, new Set(places.map(({ kind }) => kind ?? 'invalid')).size]).toEqual([code, 1]);
    }
  });

  test('the refusals of MCP servers that docs/errors.md names are those of the source', () => {
    const source = ['apps/mcp/src/access/refusal.ts', 'libs/guard/src/access-refusal.ts']
      .map((file) => readRepositoryFile(file))
      .join('\n');
    const raised = [...source.matchAll(/new AccessRefusal\(\s*(\d{3}),\s*\{\s*error: '([a-z_]+)'/g)].map(
      ([, status, error]) => `${error} ${status}`,
    );
    const section = sectionOf(readRepositoryFile('docs/errors.md'), '## MCP servers');
    const documented = [...section.matchAll(/^\| `([a-z_]+)` \| (\d{3}) \|/gm)].map(
      ([, error, status]) => `${error} ${status}`,
    );
    expect(documented.sort()).toEqual([...new Set(raised)].sort());
  });
});

describe('settings', () => {
  test('the table in docs/guides/run-in-production.md names every variable, and no other', () => {
    const section = sectionOf(readRepositoryFile('docs/guides/run-in-production.md'), '## Settings');
    const documented = [...section.matchAll(/^\| `([A-Z_]+)`/gm)].map(([, name]) => name ?? '');
    const known = new Set([serviceSettings, standaloneSettings].flatMap(variablesOf));
    expect(documented.sort()).toEqual([...known].sort());
  });
});

describe('links', () => {
  const pages = ['README.md', 'ARCHITECTURE.md', ...filesBelow(['docs'], (path) => path.endsWith('.md'))];

  test.each(pages)('%s links to files and headings that are there', (page) => {
    const broken = [
      ...readRepositoryFile(page)
        .replaceAll(/```.*?```/gs, '')
        .matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g),
    ]
      .map(([, target]) => target ?? '')
      .filter((target) => !leadsSomewhere(page, target));
    expect(broken).toEqual([]);
  });

  test('files that the documents name in backquotes are there', () => {
    for (const page of pages) {
      const named = [...readRepositoryFile(page).matchAll(/`((?:apps|libs|db|test|docs|scripts)\/[\w./-]+)`/g)].map(
        ([, path]) => path ?? '',
      );
      // docs/errors.md leaves out `src` and the suffix.
      const missing = page === 'docs/errors.md' ? [] : named.filter((path) => !existsSync(join(ROOT, path)));
      expect([page, missing]).toEqual([page, []]);
    }
  });
});

function leadsSomewhere(page: string, target: string): boolean {
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? page : join(dirname(page), path);
  if (!existsSync(join(ROOT, file))) return false;
  if (anchor === undefined) return true;
  const headings = [...readRepositoryFile(file).matchAll(/^#+ (.*)$/gm)].map(([, text]) => slugOf(text ?? ''));
  return headings.includes(anchor);
}

/** The anchor that GitHub gives to a heading. */
function slugOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-');
}

function variablesOf(settings: z.ZodType): string[] {
  const inner = settings instanceof z.ZodPipe ? settings.in : settings;
  if (!(inner instanceof z.ZodObject))
    throw new TypeError('Settings are an object of variables, or a transformation of one.');
  return Object.keys(inner.shape);
}

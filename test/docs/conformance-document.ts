import { table } from './documents.ts';
import { authorizationServer, tenantUrls } from './requirements/authorization-server.ts';
import { clientBehaviour, metadataDocuments, officialSuite, registration } from './requirements/clients.ts';
import { claude, openai, standards } from './requirements/hosts.ts';
import { shownBy } from './requirements/shown-by.ts';
import type { Requirement } from './requirements/requirement.ts';
import { type TestTitle, testTitles } from './test-titles.ts';

const PARTS: ReadonlyArray<readonly [heading: string, rows: readonly Requirement[]]> = [
  ['Authorization server', authorizationServer],
  ['Client ID metadata documents', metadataDocuments],
  ['Dynamic client registration', registration],
  ['Tenants by path', tenantUrls],
  ['What clients of the MCP SDKs do', clientBehaviour],
  ['The official conformance suite', officialSuite],
  ['ChatGPT and Codex', openai],
  ['Claude', claude],
  ['Other standards', standards],
];

export const allRequirements: readonly Requirement[] = PARTS.flatMap(([, rows]) => rows);

/** How far each family goes, so that none is left out. */
export const LAST: Readonly<Record<string, number>> = {
  AS: 56,
  CIMD: 29,
  DCR: 10,
  MT: 9,
  CL: 13,
  CF: 11,
  OA: 21,
  CLD: 14,
  RFC: 31,
};

/** What a list of tests calls one. */
export function nameOf({ file, title }: TestTitle): string {
  return `${file.split('/').at(-1)} › ${title}`;
}

/** The ids that a test's name, or one of its rows, mentions. */
export function idsIn({ title, rows }: TestTitle): string[] {
  const families = Object.keys(LAST).join('|');
  return [...`${title} ${rows}`.matchAll(new RegExp(`\\b(?:${families})-\\d{2}\\b`, 'g'))].map(([id]) => id);
}

/** The tests of every requirement: those that name it, and those that the list names. */
export function testsById(titles: readonly TestTitle[] = testTitles()): Map<string, TestTitle[]> {
  const found = new Map<string, TestTitle[]>();
  const add = (id: string, title: TestTitle): void => {
    const known = found.get(id) ?? [];
    if (!known.some((one) => one.file === title.file && one.title === title.title)) known.push(title);
    found.set(id, known);
  };
  for (const title of titles) for (const id of idsIn(title)) add(id, title);
  for (const [id, wanted] of Object.entries(shownBy)) {
    for (const title of titles) if (wanted.includes(nameOf(title))) add(id, title);
  }
  return found;
}

/** docs/conformance.md: each requirement with the tests that show it, or the reason why there is none. */
export function conformanceDocument(): string {
  const tests = testsById();
  return `${[
    '# Conformance',
    '',
    '<!-- Written by `npm run docs` from test/docs/requirements and the names of the tests. Edit those, not this file. -->',
    '',
    'What MCP authorization (2026-07-28), OAuth 2.1 and its companions, and today’s clients ask of an authorization server for many tenants, and the tests that show it. A test names the ids that it shows; a test of this page fails when an id is missing, when a name that is cited is gone, or when there is neither a test nor a reason.',
    ...PARTS.flatMap(([heading, rows]) => [
      '',
      `## ${heading}`,
      '',
      table(
        ['Id', 'What is asked', 'Shown by'],
        rows.map(({ id, says, because }) => [
          id,
          says,
          [...cited(tests.get(id) ?? []), ...(because ? [`*${because}*`] : [])].join('<br>'),
        ]),
      ),
    ]),
  ].join('\n')}\n`;
}

function cited(titles: readonly TestTitle[]): string[] {
  return titles.map(
    ({ file, title }) =>
      `${title.replaceAll(/\s*\((?:[A-Z]+-\d{2}(?:, )?)+\)/g, '').replaceAll('<', '&lt;')} (\`${file.split('/').at(-1)}\`)`,
  );
}
